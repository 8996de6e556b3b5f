/// Names and path rules of a bundle folder.
package enum BundleLayout {
    /// What the author asks for.
    package static let manifestFile = "plugin.json"
    /// The publisher's signature over plugin.json; not in the list of files, because it cannot sign itself.
    package static let signatureFile = "SIGNATURE"
    /// Where libraries are.
    package static let libraryFolder = "lib"

    /// Whether a path is relative, bounded, printable ASCII, at most `bundleDepthMax` deep, and without empty, hidden or dot components.
    package static func isSafePath(_ path: String) -> Bool {
        guard !path.isEmpty, path.utf8.count <= Limits.bundlePathBytesMax, path.utf8.allSatisfy({ (0x20...0x7e).contains($0) && $0 != 0x5c })
        else { return false }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count <= Limits.bundleDepthMax && parts.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") }
    }
}
