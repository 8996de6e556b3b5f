import Glibc
import IO

/// Runs `body` as a task on a loop of its own group and ends the group.
func onLoop<T: Sendable>(count: Int = 1, _ body: @escaping @Sendable (EventLoop) async throws -> T) async throws -> T {
    let group = try EventLoopGroup(count: count)
    let loop = group.loops[0]
    let task = OwnedTask(on: loop) { try await body(loop) }
    let result: Result<T, any Error>
    do { result = .success(try await task.value) } catch { result = .failure(error) }
    await group.shutdown()
    return try result.get()
}

/// The code of the `IOError` that `body` throws, nil when it throws none.
func codeThrown(_ body: () async throws -> Void) async -> IOError.Code? {
    do {
        try await body()
        return nil
    } catch let error as IOError {
        return error.code
    } catch {
        return .system(Errno(0))
    }
}

/// Milliseconds since `start`.
func elapsed(since start: Deadline) -> Int { Int((Deadline.now().nanoseconds - start.nanoseconds) / 1_000_000) }

/// A non-blocking pair of sockets, closed when the pair goes.
final class Pair: Sendable {
    let near: Int32
    let far: Int32
    private let isFarOpen = Lock(true)

    init() throws { (near, far) = try Syscall.socketPair() }

    func send(_ bytes: [UInt8]) throws { _ = try bytes.withUnsafeBytes { try Syscall.send(far, $0) } }

    func closeFar() throws {
        let wasOpen = isFarOpen.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        if wasOpen { try Syscall.close(far) }
    }

    deinit {
        close(near)
        if isFarOpen.withLock({ $0 }) { close(far) }
    }
}

/// A locked value that closures can share.
final class Shared<Value: Sendable>: Sendable {
    let lock: Lock<Value>
    init(_ value: Value) { lock = Lock(value) }
}
