/// Something that the suite itself could not do; not a finding.
package struct EscapeError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
