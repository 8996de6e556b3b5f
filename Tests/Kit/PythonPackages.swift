/// Clients and servers of PyPI that we did not write, in one environment in the build folder: made at first use, and there for the next run.
package enum PythonPackages {
    /// A package that could not be had, and pip's own words.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// The environment's `bin` folder, with these packages installed; each as pip is told it, such as `openai` or `websockets==15.0.1`.
    package static func bin(_ packages: String...) throws(Failure) -> String {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let place = "\(root)/.build/python-packages"
        // One process at a time; a stamp says what is there, because asking pip takes longer than most tests.
        let steps = packages.map { name in
            "test -e '\(place)/has-\(name)' || { '\(place)/bin/pip' install -q '\(name)' && touch '\(place)/has-\(name)'; } || exit 1"
        }
        let outcome = Shell.run(
            """
            mkdir -p '\(place)' && exec 9>'\(place)/lock' && flock -w 300 9 || exit 1
            test -e '\(place)/is-made' || { python3 -m venv '\(place)' && touch '\(place)/is-made'; } || exit 1
            \(steps.joined(separator: "\n"))
            """)
        guard outcome.status == 0 else { throw Failure(description: "\(packages.joined(separator: ", ")) cannot be had: \(outcome.output)") }
        return "\(place)/bin"
    }
}
