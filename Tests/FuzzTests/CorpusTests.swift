import Foundation
import FuzzTargets
import Testing

/// What the fuzzers know, on every test run: a broken promise traps, and the run ends naming the target.
@Suite("Parsers that meet strangers")
struct CorpusTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fuzz/Corpus")

    private static func corpus(_ target: FuzzTarget) throws -> [[UInt8]] {
        try FileManager.default.contentsOfDirectory(at: folder.appending(path: target.rawValue), includingPropertiesForKeys: nil)
            .sorted { $0.path < $1.path }.map { [UInt8](try Data(contentsOf: $0)) }
    }

    @Test("the corpus of every target, all that fuzzing once found included, passes", arguments: FuzzTarget.allCases)
    func replay(target: FuzzTarget) throws {
        let inputs = try Self.corpus(target)
        #expect(!inputs.isEmpty, "Tests/Fuzz/Corpus/\(target.rawValue) is empty")
        for input in inputs { target.run(input) }
        target.run([])
    }

    @Test("a few hundred mutations of the corpus pass, others each time", arguments: FuzzTarget.allCases)
    func mutate(target: FuzzTarget) throws {
        let seed = ProcessInfo.processInfo.environment["FUZZ_SEED"].flatMap(UInt64.init) ?? UInt64.random(in: 0...UInt64.max)
        // Printed before the run, because a trap leaves no time afterwards: FUZZ_SEED=… repeats it.
        print("fuzz \(target.rawValue): FUZZ_SEED=\(seed)")
        var mutator = Mutator(inputs: try Self.corpus(target), bytesMax: target.inputBytesMax, seed: seed)
        for _ in 0..<300 { target.run(mutator.next()) }
    }
}
