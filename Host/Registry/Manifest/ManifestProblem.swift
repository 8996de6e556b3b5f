/// Why a manifest, a plugin.json or a bundle was refused: which file, where in it, and the reason in a sentence.
package struct ManifestProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file's name relative to the manifest folder or the bundle; never an absolute path.
    package let file: String
    /// JSON Pointer (RFC 6901) into the file; empty for the whole of it, or for a file that is not JSON.
    package let pointer: String
    /// What is wrong, for the operator.
    package let reason: String

    /// Names a place and a reason.
    package init(file: String, pointer: String = "", reason: String) {
        self.file = file
        self.pointer = pointer
        self.reason = reason
    }

    /// `file#pointer: reason`.
    package var description: String { "\(file)#\(pointer): \(reason)" }
}

/// One refusal with every problem that was found, at least one.
package struct ManifestError: Error, Sendable, Hashable, CustomStringConvertible {
    /// At least one and at most `Limits.problemsMax`.
    package let problems: [ManifestProblem]

    /// Keeps the first `Limits.problemsMax` problems.
    package init(_ problems: [ManifestProblem]) {
        self.problems = Array(problems.prefix(Limits.problemsMax))
    }

    /// One problem.
    package init(file: String, pointer: String = "", reason: String) {
        self.init([ManifestProblem(file: file, pointer: pointer, reason: reason)])
    }

    /// Any error of reading `file`: its own problems if it has some, else its reason as the one problem.
    init(_ error: any Error, file: String) {
        switch error {
        case let error as ManifestError: self = error
        case let error as FileError: self.init(file: file, reason: error.reason)
        default: self.init(file: file, reason: "\(error)")
        }
    }

    /// The problems, joined by semicolons.
    package var description: String { problems.map(\.description).joined(separator: "; ") }
}
