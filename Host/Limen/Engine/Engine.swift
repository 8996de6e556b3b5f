import Glibc
import IO
import JSON
import Supervisor
import Telemetry
import Tools
import Workers

/// The part that every command beneath the spawner needs: loops, log and workers. Stops all of it in order.
final class Engine: Sendable {
    let group: EventLoopGroup
    let log: Log
    let observer: SandboxObserver
    let workers: WorkerService
    /// Blocking ends, run off the loops, last registered first.
    private let closers = Lock<[@Sendable () -> Void]>([])

    var loop: EventLoop { group.loops[0] }
    var describer: Describer { Describer(service: workers, loop: loop) }

    private init(group: EventLoopGroup, channel: Int32, level: LogLevel, onLost: @escaping @Sendable () -> Void) throws {
        self.group = group
        let log = try Log(level: level)
        self.log = log
        observer = SandboxObserver { level, message, fields in
            let fields = fields.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) }
            switch level {
            case ...1: log.debug("\(message)", fields)
            case 2: log.info("\(message)", fields)
            case 3: log.warning("\(message)", fields)
            default: log.error("\(message)", fields)
            }
        }
        let spawner = try SpawnerChannel(FileDescriptor(channel), on: group.loops[0])
        workers = WorkerService(spawner: spawner, observer: observer, loop: group.loops[0], onLost: onLost)
    }

    /// Runs `body` with an engine, stops the workers, then runs the closers.
    static func run<Value: Sendable>(
        level: LogLevel = .warning, _ body: @escaping @Sendable (Engine) async throws -> Value
    ) throws -> Value {
        guard let channel = Launcher.channel else { throw CommandError("this half of the command runs beneath limen-spawner only") }
        let group = try EventLoopGroup()
        defer { group.stop() }
        let engine = try Engine(group: group, channel: channel, level: level) {
            Output.complain("limen: the spawner is gone; stopping\n")
            exit(1)
        }
        defer { engine.close() }
        return try group.runBlocking {
            do {
                let value = try await body(engine)
                await engine.workers.stop(until: .after(milliseconds: 2_000))
                return value
            } catch {
                await engine.workers.stop(until: .now())
                throw error
            }
        }
    }

    /// Registers something to be closed, off the loops, when everything else has stopped.
    func atEnd(_ close: @escaping @Sendable () -> Void) { closers.withLock { $0.append(close) } }

    private func close() {
        for close in closers.withLock({ $0 }).reversed() { close() }
        log.flush()
        log.close()
    }

    /// Gives a staged bundle its final `plugin.json`, unless it has one; `publisher` is for one that names none.
    func pack(_ folder: String, publisher: String) async throws {
        let bundler = try Bundler(folder)
        if bundler.isPacked { return }
        try bundler.write(description: await describer.description(of: bundler), publisher: publisher)
    }
}
