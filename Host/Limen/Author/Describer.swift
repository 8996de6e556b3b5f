import CLinux
import Glibc
import IO
import JSON
import Supervisor
import WorkerProtocol
import Workers

/// Loads a staged library in a jail to hear what it says of itself; nothing of it ever runs outside one.
struct Describer {
    let service: WorkerService
    let loop: EventLoop

    /// The library's own description.
    /// - Throws: `CommandError` with the reason when it does not load.
    func description(of bundler: Bundler) async throws(CommandError) -> JSONValue {
        let descriptor = open(bundler.folder, O_PATH | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0, let folder = Path.absolute(bundler.folder) else {
            throw CommandError("cannot open \(bundler.folder): \(Path.reason())")
        }
        defer { close(descriptor) }
        let heard = Lock<[UInt8]?>(nil)
        var files: [VerifiedFile] = []
        for path in Bundler.files(beneath: folder) { files.append(try verified(path, in: folder)) }
        let spec = PluginSpec(
            name: bundler.name, version: "0", bundlePath: folder, bundleDescriptor: descriptor, files: files, library: bundler.library,
            config: JSONValue.object(bundler.asked["config"]?.objectValue ?? [:]).serialized(),
            check: { ready in
                heard.withLock { $0 = ready.description }
                return nil
            })
        let pool = service.add(spec)
        let bytes = await wait(for: heard, pool)
        let reason = pool.broken
        await service.remove(pool, until: .after(milliseconds: 1000))
        guard let bytes else { throw CommandError("\(bundler.name) does not load in the jail: \(reason ?? "no answer in time")") }
        do {
            return try JSONValue(parsing: bytes, limits: JSONLimits(bytesMax: 4 << 20))
        } catch {
            throw CommandError("\(bundler.name) describes itself in malformed JSON: \(error)")
        }
    }

    private func wait(for heard: borrowing Lock<[UInt8]?>, _ pool: PluginPool) async -> [UInt8]? {
        let deadline = Deadline.after(milliseconds: 15_000)
        while !deadline.hasPassed, pool.broken == nil {
            if let bytes = heard.withLock({ $0 }) { return bytes }
            do {
                try await loop.sleep(until: .after(milliseconds: 2))
            } catch {
                // The loop is ending: what has not been heard by now will not be.
                return nil
            }
        }
        return heard.withLock { $0 }
    }

    private func verified(_ path: String, in folder: String) throws(CommandError) -> VerifiedFile {
        var information = stat()
        guard lstat("\(folder)/\(path)", &information) == 0 else { throw CommandError("cannot look at \(path): \(Path.reason())") }
        return VerifiedFile(
            path: path, device: UInt64(information.st_dev), inode: UInt64(information.st_ino), size: UInt64(information.st_size),
            changeSeconds: Int64(information.st_ctim.tv_sec), changeNanoseconds: UInt32(information.st_ctim.tv_nsec))
    }
}
