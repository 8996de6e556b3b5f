package import Glibc

/// Foreign programs in tests.
package enum Shell {
    /// What a program printed, on both outputs, and how it ended.
    package struct Outcome: Sendable {
        package let status: Int32
        package let output: String
    }

    /// Runs a line of sh(1) to its end.
    package static func run(_ line: String) -> Outcome {
        guard let pipe = popen("{ \(line)\n} 2>&1", "r") else { return Outcome(status: -1, output: "popen failed") }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&chunk, 1, chunk.count, pipe)
            if count == 0 { break }
            bytes.append(contentsOf: chunk[..<count])
        }
        let status = pclose(pipe)
        return Outcome(status: status & 0x7f == 0 ? status >> 8 & 0xff : -1, output: String(decoding: bytes, as: UTF8.self))
    }
}

/// A private folder that goes with its owner.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() {
        var template = Array("/tmp/limen-test-XXXXXX".utf8CString)
        let made = mkdtemp(&template)
        precondition(made != nil, "no temporary folder")
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Writes a file of its own.
    package func write(_ text: String, to name: String, mode: mode_t = 0o600) -> String {
        let file = "\(path)/\(name)"
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        precondition(descriptor >= 0, "cannot write \(file)")
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        let written = Glibc.write(descriptor, bytes, bytes.count)
        precondition(written == bytes.count && fchmod(descriptor, mode) == 0)
        return file
    }

    deinit { _ = Shell.run("rm -rf '\(path)'") }
}
