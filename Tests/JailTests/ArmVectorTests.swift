import Glibc
import TestKit
import Testing

@testable import Jail

/// What `make test-arm64` takes to an arm64 kernel: each filter as it is installed, and again with marks in place of its actions, with calls and the
/// answers that the policy gives them. `Tests/Arm64/guest.c` reads the files.
@Suite("arm64, for its kernel")
struct ArmVectorTests {
    private static let callsMax = 8_000

    /// Where the files go: `LIMEN_VECTORS`, or a folder that is removed again.
    private struct Folder: ~Copyable {
        let path: String
        private let isOurs: Bool

        init() {
            isOurs = getenv("LIMEN_VECTORS") == nil
            path = getenv("LIMEN_VECTORS").map { String(cString: $0) } ?? "/tmp/limen-vectors-\(getpid())"
            mkdir(path, 0o755)
        }

        func write(_ name: String, _ bytes: [UInt8]) throws {
            let file = try #require(fopen("\(path)/\(name)", "w"))
            defer { fclose(file) }
            #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
        }

        deinit {
            guard isOurs else { return }
            for (name, _) in SeccompTests.policies { for kind in ["filter", "vectors"] { unlink("\(path)/\(ArmVectorTests.file(name)).\(kind)") } }
            rmdir(path)
        }
    }

    private static func file(_ name: String) -> String { String(name.map { $0 == " " ? "-" : $0 }) }

    private static func bytes(_ words: [UInt64]) -> [UInt8] { words.withUnsafeBytes { Array($0) } }

    @Test("every filter for arm64 is written with calls that reach all of its rules")
    func write() throws {
        let folder = Folder()
        var random = SeededRandom()
        for (name, policy) in SeccompTests.policies where policy.architecture == .arm64 {
            var calls = (UInt32(0)..<1024).flatMap { [($0, [UInt64](repeating: 0, count: 6)), ($0, [UInt64](repeating: .max, count: 6))] }
            while calls.count < Self.callsMax { calls.append(RandomPolicy.call(policy, &random)) }
            let answers = calls.map { KernelAnswers.answer(policy.action(number: $0.0, arguments: $0.1)) }
            #expect(Set(calls.map(\.0)).isSuperset(of: policy.rules.keys) && !answers.contains(0))
            let filter = KernelAnswers.marked(policy)
            let words = calls.flatMap { [UInt64($0.0)] + $0.1 } + answers.map { UInt64(bitPattern: $0) }
            try folder.write("\(Self.file(name)).filter", policy.compiled().encoded())
            try folder.write(
                "\(Self.file(name)).vectors", Self.bytes([UInt64(filter.count), UInt64(calls.count)]) + filter.encoded() + Self.bytes(words))
        }
    }
}
