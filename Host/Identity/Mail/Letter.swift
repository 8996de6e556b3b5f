/// A letter to one person, in plain text.
package struct Letter: Sendable, Hashable {
    /// Whom it is for: an address that `Email` let through, so that nothing in it means anything in a header.
    package let to: String
    package let subject: String
    package let text: String

    /// A link to set a new password.
    static func reset(to email: String, link: String, token: String) -> Letter {
        Letter(
            to: email, subject: "Set a new password",
            text: """
                Somebody, most likely you, asked for a new password for the account with this address.

                Set it here within 15 minutes:
                \(link)

                Or give this code to your client: \(token)

                It works once, and every device that is signed in now will have to sign in again. If you did not ask for it, do nothing: your
                password stays as it is.
                """)
    }

    /// An invitation into a tenant.
    static func invitation(to email: String, tenant: String, link: String, token: String) -> Letter {
        Letter(
            to: email, subject: "You are invited",
            text: """
                You are invited to make an account in \(tenant) with this address:
                \(link)

                Or give this code to your client: \(token)

                It works once. If you do not want it, do nothing.
                """)
    }

    /// A link to confirm an address.
    static func verification(to email: String, link: String, token: String) -> Letter {
        Letter(
            to: email, subject: "Confirm your address",
            text: """
                An account was made with this address. Confirm within 24 hours that it is yours, or the account will be removed:
                \(link)

                Or give this code to your client: \(token)

                If you did not make it, do nothing.
                """)
    }
}

/// Sends letters. Returns at once: nobody waits for a mail server, and nobody learns from the time whether a letter was sent.
package protocol Post: Sendable {
    func send(_ letter: Letter)
}
