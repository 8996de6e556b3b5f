import Glibc
import IO
import JSON

/// `limen plugin dev DIR`: watches the sources, rebuilds on every save, and puts what was built in place of what ran, in the real jail.
///
/// This half is the author: it watches, builds and reads the terminal. The other half (`DevService`), beneath the spawner, serves. They share the
/// workshop folder: a turn is a folder that a file named `turn-N.ready` announces, a question is a file `ask-N`.
enum DevCommand {
    static func run(_ arguments: Arguments) throws -> Int32 {
        let folder = try arguments.operand(0, "DIR")
        let source = try SourceFolder(folder)
        let (workshop, _) = try AuthorCommands.workshop()
        defer { Folder.remove(workshop) }
        var watch = try SourceWatch(folder)
        var author = DevAuthor(folder: folder, workshop: workshop)
        // Before the first build: from here on a signal ends in the removal of the workshop.
        let words = ["plugin-dev", "--author", String(getpid())]
        let child = try Launcher.start(LaunchPlan.inWorkshop(workshop, words: words, arguments).showingAuthorities())
        Output.progress("watching \(source.name); type TOOL INPUT to call it, Ctrl-C to end")
        return try Launcher.wait(for: child) {
            if let saved = watch.changed() { author.turn(savedAt: saved) }
            author.ask()
        }
    }
}

/// Nanoseconds on CLOCK_MONOTONIC, which both halves share.
enum DevClock {
    static func now() -> UInt64 { Deadline.now().nanoseconds }

    static func seconds(since start: UInt64) -> String { Numbers.text(Double(now() - start) / 1e9, digits: 2) }
}

/// What the author's half does: turns and questions.
private struct DevAuthor {
    let folder: String
    let workshop: String
    private var turns = 0
    private var questions = 0
    private var typed: [UInt8] = []
    private var isListening = true

    init(folder: String, workshop: String) {
        self.folder = folder
        self.workshop = workshop
    }

    /// Builds what is there now; a build that fails is shown, and what ran before goes on.
    mutating func turn(savedAt saved: UInt64) {
        do {
            let source = try SourceFolder(folder)
            let library = try source.build(forDevelopment: true)
            let account = Account.current()
            let place = "\(workshop)/turn-\(turns + 1)"
            for name in ["", "/bundles", "/data", "/manifests"] { try account.makeFolder(place + name, mode: 0o755) }
            try source.stage(library: library, at: "\(place)/bundles/\(source.name)-\(source.version)", for: account, publisher: nil)
            turns += 1
            Output.progress("built in \(DevClock.seconds(since: saved)) s")
            try File.write(Array("\(saved)".utf8), to: "\(place).ready")
        } catch {
            Output.progress("\(error)\nnot reloaded: " + (turns == 0 ? "nothing is served yet" : "what is served goes on"))
        }
    }

    /// Passes on whole lines from standard input.
    mutating func ask() {
        var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard isListening, poll(&waiting, 1, 0) > 0 else { return }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = read(STDIN_FILENO, &buffer, buffer.count)
        // Nobody types any more, or without end: the watch goes on.
        guard count > 0, typed.count < 1 << 20 else { return isListening = false }
        typed += buffer[..<count]
        while let end = typed.firstIndex(of: UInt8(ascii: "\n")) {
            let line = Array(typed[..<end])
            typed.removeSubrange(...end)
            guard !line.isEmpty else { continue }
            questions += 1
            do { try File.write(line, to: "\(workshop)/ask-\(questions)") } catch { Output.progress("\(error)") }
        }
    }
}

/// Tells when something beneath a source folder was saved (inotify(7)); what builds leave behind does not count.
struct SourceWatch {
    private let descriptor: Int32
    private let folder: String
    private var folders: [Int32: String] = [:]
    /// At first what is there already: the first turn is like any other.
    private var saved: UInt64? = DevClock.now()
    private var quietSince: UInt64 = 0

    /// An editor writes more than once: a change counts when nothing has followed it for so long.
    private static let quietNanoseconds: UInt64 = 40_000_000
    private static let foldersMax = 2_000

    init(_ folder: String) throws(CommandError) {
        descriptor = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
        guard descriptor >= 0 else { throw CommandError("cannot watch \(folder): \(Path.reason())") }
        self.folder = folder
        add(folder)
        guard !folders.isEmpty else { throw CommandError("cannot watch \(folder): \(Path.reason())") }
    }

    /// When the first of a burst of changes was seen, in nanoseconds; nil while there is none or it goes on.
    mutating func changed() -> UInt64? {
        if drain() {
            quietSince = DevClock.now()
            saved = saved ?? quietSince
        }
        guard let first = saved, DevClock.now() - quietSince >= Self.quietNanoseconds else { return nil }
        saved = nil
        return first
    }

    private static func counts(_ name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix(".") && !name.hasSuffix("~") && !["lib", "build", "target", "Cargo.lock", "Package.resolved"].contains(name)
    }

    private mutating func add(_ path: String) {
        guard folders.count < Self.foldersMax, Path.isFolder(path) else { return }
        let events = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ONLYDIR)
        let number = inotify_add_watch(descriptor, path, events)
        guard number >= 0 else { return }
        folders[number] = path
        for name in Folder.names(in: path) where Self.counts(name) && Path.isFolder("\(path)/\(name)") { add("\(path)/\(name)") }
    }

    /// Reads what there is; true when a source was among it.
    private mutating func drain() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        var found = false
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return found }
            var start = 0
            // struct inotify_event: i32 watch, u32 mask, u32 cookie, u32 length, then the name, filled up with zeros.
            while start + 16 <= count {
                let (number, mask, length) = buffer.withUnsafeBytes { bytes in
                    (
                        bytes.loadUnaligned(fromByteOffset: start, as: Int32.self), bytes.loadUnaligned(fromByteOffset: start + 4, as: UInt32.self),
                        Int(bytes.loadUnaligned(fromByteOffset: start + 12, as: UInt32.self))
                    )
                }
                let name = String(decoding: buffer[(start + 16)..<min(count, start + 16 + length)].prefix { $0 != 0 }, as: UTF8.self)
                start += 16 + length
                guard Self.counts(name), let parent = folders[number] else { continue }
                let isFolder = mask & UInt32(IN_ISDIR) != 0
                if isFolder { add("\(parent)/\(name)") }
                // A file that was only created is still being written.
                found = found || isFolder || mask & UInt32(IN_CREATE) == 0
            }
        }
    }
}
