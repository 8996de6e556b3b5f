import IO

/// What the connections of one loop share; touched only on that loop.
final class LoopContext: @unchecked Sendable {
    // SAFETY: every member but the constants is touched only on the loop's thread.
    let loop: EventLoop
    let counters = LoopCounters()
    /// What connections are served by while they have something to ask.
    let tasks: WarmTasks
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: HTTPLimits.readBytes, alignment: 64)
    /// Where a reply is put together; taken and given back within one turn.
    private var out: [UInt8] = []
    private var date: [UInt8] = []
    private var dateUntil = Deadline(nanoseconds: 0)
    private var connections: [ObjectIdentifier: HTTPConnection] = [:]
    private(set) var isDraining = false

    init(loop: EventLoop) {
        self.loop = loop
        tasks = WarmTasks(loop: loop)
    }

    deinit { scratch.deallocate() }

    var all: [HTTPConnection] { Array(connections.values) }
    func add(_ connection: HTTPConnection) { connections[ObjectIdentifier(connection)] = connection }
    func remove(_ connection: HTTPConnection) { connections[ObjectIdentifier(connection)] = nil }

    /// An empty buffer with room.
    func takeOut() -> [UInt8] {
        var buffer: [UInt8] = []
        swap(&buffer, &out)
        return buffer
    }

    /// Gives the buffer back; one that grew large is let go.
    func giveOut(_ buffer: inout [UInt8]) {
        if buffer.capacity > HTTPLimits.readBytes { return }
        buffer.removeAll(keepingCapacity: true)
        swap(&buffer, &out)
    }

    /// The Date field's value, at most half a second old.
    func dateNow() -> [UInt8] {
        let now = loop.turnDeadline
        if now >= dateUntil {
            date = ResponseWriter.dateNow()
            dateUntil = now.adding(milliseconds: 500)
        }
        return date
    }

    /// Ends the tasks that no connection needs any more, and waits for them.
    func dismissTasks() async {
        await withUnsafeContinuation { continuation in
            let isAlive = loop.execute { self.tasks.dismiss { continuation.resume() } }
            if !isAlive { continuation.resume() }
        }
    }

    func beginDrain() {
        isDraining = true
        for connection in all { connection.drain() }
    }
}
