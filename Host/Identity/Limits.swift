/// The bounds of this target; times in milliseconds unless the name says otherwise.
package enum IdentityLimits {
    /// Bytes of an email address (RFC 5321 section 4.5.3.1.3).
    package static let emailBytesMax = 254
    /// Bytes of what stands before the `@` (RFC 5321 section 4.5.3.1.1).
    static let emailLocalBytesMax = 64
    /// Characters of a handle.
    package static let handleCharacters = 2...40
    /// Characters of a new password at least (NIST SP 800-63B-4 section 3.1.1.2 asks for 8 where there is a second factor).
    package static let passwordCharactersMin = 10
    /// Bytes of a password at most: more would only cost time.
    package static let passwordBytesMax = 256

    /// Bytes of a list of leaked passwords that are read; of each line eight are kept.
    static let passwordListBytesMax = 64 << 20
    /// Passwords that are hashed at once: each takes 128 MiB.
    package static let passwordThreads = 2
    /// Passwords that wait for that; one more is told to come again.
    package static let passwordQueueMax = 16
    /// How long a password may wait and be hashed.
    package static let passwordMilliseconds = 15_000
    /// The same for the first account's, which nobody waits for but the start: a loaded machine is slow and no reason to end. Below systemd's 60 s.
    package static let firstPasswordMilliseconds = 45_000
    /// How much less the threads that hash count than those that serve, as a nice value.
    static let passwordNiceness: Int32 = 10

    /// How long an access token lives unless the operator says otherwise.
    package static let accessMillisecondsDefault: Int64 = 30 * 60_000
    /// What the operator may say (SPEC 6).
    package static let accessMilliseconds: ClosedRange<Int64> = 15 * 60_000...60 * 60_000
    /// Bytes of an access token.
    package static let accessTokenBytesMax = 1024
    /// How far the clock of another host may be ahead.
    static let clockSkewMilliseconds: Int64 = 30_000
    /// How long a key signs before the next takes its place.
    package static let signingKeyMilliseconds: Int64 = 30 * 86_400_000

    /// A session may not be older, whatever is done with it.
    package static let sessionMillisecondsMax: Int64 = 30 * 86_400_000
    /// How long the id of a session works after it was renewed.
    package static let sessionGraceMilliseconds: Int64 = 5 * 60_000
    /// Invitations of a tenant that wait to be taken.
    static let invitationsPerTenantMax = 1_000
    /// How long an invitation works unless whoever invites says otherwise.
    package static let invitationMilliseconds: Int64 = 7 * 86_400_000
    /// Networks that an account is known to be signed in from; the one used longest ago goes.
    static let knownNetworksMax = 32
    /// Sessions of one account; the one that was used least recently goes.
    package static let sessionsPerAccountMax = 100

    /// Wrong codes after which a second factor is locked.
    package static let wrongCodesMax: Int64 = 5
    /// For how long.
    package static let codeLockMilliseconds: Int64 = 5 * 60_000
    /// Recovery codes that are made at once.
    package static let recoveryCodes = 10

    /// How long a link to set a new password works.
    package static let resetMilliseconds: Int64 = 15 * 60_000
    /// How long a link to confirm an address works.
    package static let verificationMilliseconds: Int64 = 24 * 3_600_000
    /// How long an account lives whose address nobody confirms.
    package static let unverifiedMilliseconds: Int64 = 24 * 3_600_000

    /// Credentials whose owner is remembered; an access token or key that is not among them costs one read.
    package static let rememberedMax = 65_536
    /// For how long: an owner is read anew then, whatever happened.
    static let rememberedMilliseconds: Int64 = 60_000
    /// Keys of an identity provider.
    static let providerKeysMax = 64
    /// Bytes of an ID token.
    static let idTokenBytesMax = 16_384
    /// How long a sign-in at a provider may take.
    package static let oidcMilliseconds: Int64 = 10 * 60_000
    /// How long what a provider publishes of itself is kept.
    static let metadataMilliseconds: Int64 = 86_400_000
    /// How long a letter may take on its way out of this machine, in milliseconds.
    package static let mailMilliseconds = 60_000
    /// How long to wait before a letter is tried again, each time, in milliseconds.
    package static let mailPauses = [1_000, 10_000, 60_000]
    /// Bytes of a mail server's replies that wait to be read.
    static let smtpReplyBytesMax = 16_384
    /// Letters that wait to be sent.
    static let lettersMax = 1024
    /// API keys of one account.
    package static let keysPerAccountMax = 100
    /// Random bytes of session ids, refresh tokens, links and API keys.
    static let secretBytes = 32
}
