import Glibc

/// `make escape`: every rung, a line a case, counts by rung, and `N passed, N failed` last.
package struct Session {
    package var rungs: [EscapeRung]
    package var quickOnly = false
    package var filter: String?
    /// Every n-th case alone.
    package var sample = 1
    /// How many times as long everything may take.
    package var patience = 1
    /// As in `Launcher`.
    package var hostile: String?

    package init(rungs: [EscapeRung]) { self.rungs = rungs }

    /// - Returns: true if nothing failed.
    package func run() throws(EscapeError) -> Bool {
        var launcher = Launcher(build: Self.buildFolder, sources: Self.hostileSources)
        launcher.quickOnly = quickOnly
        launcher.filter = filter
        launcher.sample = sample
        launcher.patience = patience
        launcher.hostile = hostile
        var lines: [String] = []
        var passed = 0, failed = 0
        for rung in rungs {
            if let obstacle = Launcher.obstacle(rung) {
                lines.append("\(rung.rawValue): not run, \(obstacle)")
                continue
            }
            let results = try launcher.run(rung, each: Self.show)
            if let last = results.last { Self.show(last) }
            let good = results.count { $0.passed }
            lines.append("\(rung.rawValue): \(good) passed, \(results.count - good) failed")
            passed += good
            failed += results.count - good
        }
        for line in lines { print(line) }
        print("\(passed) passed, \(failed) failed")
        return failed == 0 && passed > 0
    }

    /// The egress cases on each rung, a line each, and counts by rung last.
    package func egress() throws(EscapeError) -> Bool {
        let launcher = Launcher(build: Self.buildFolder, sources: Self.hostileSources)
        var lines: [String] = []
        var failed = 0
        for rung in rungs where Launcher.obstacle(rung) == nil {
            let results = try launcher.egress(rung, each: Self.show)
            let bad = results.filter { !$0.passed }.count
            lines.append("egress cases, \(rung.rawValue): \(results.count - bad) passed, \(bad) failed")
            failed += bad
        }
        for line in lines { print(line) }
        return failed == 0 && !lines.isEmpty
    }

    /// `make soak-hostile`: each rung for so long, a line a round, the figures and `N passed, N failed` last.
    package func soak(seconds: Int) throws(EscapeError) -> Bool {
        var passed = 0, failed = 0
        for rung in rungs where Launcher.obstacle(rung) == nil {
            var soak = SoakRun(rung: rung)
            try soak.run(Launcher(build: Self.buildFolder, sources: Self.hostileSources), seconds: seconds) { line in
                print("\(rung.rawValue) \(line)")
                fflush(nil)
            }
            print(soak.summary)
            for problem in soak.problems { print("\(rung.rawValue) WRONG: \(problem)") }
            if soak.problems.isEmpty { passed += 1 } else { failed += 1 }
        }
        print("\(passed) passed, \(failed) failed")
        return failed == 0 && passed > 0
    }

    private static func show(_ result: Launcher.Result) {
        func padded(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(1, width - text.utf8.count)) }
        let note = result.note.isEmpty ? "" : " (\(result.note))"
        print("\(padded(result.rung.rawValue, 9))\(padded(result.id, 44))\(result.passed ? "passed" : "FAILED")\(note)")
        fflush(nil)
    }

    /// The folder of this very program.
    package static var buildFolder: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = max(0, readlink("/proc/self/exe", &buffer, buffer.count))
        let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }

    /// Tests/Hostile of the sources that this was built from.
    package static var hostileSources: String {
        let here = #filePath
        return here.firstRange(of: "/EscapeSuite/").map { String(here[..<$0.lowerBound]) + "/Hostile" } ?? "Tests/Hostile"
    }
}
