/// A message that breaks the rules, and the status to answer it with.
package struct HTTPFailure: Error, Sendable, Hashable {
    package let status: Int
    /// What is wrong, fit for the client.
    package let message: String

    package init(_ status: Int, _ message: StaticString) {
        self.status = status
        self.message = message.description
    }
}
