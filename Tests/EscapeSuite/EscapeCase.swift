import JSON

/// The families of ATTACKS.md's Jail part; also the first half of a case's id.
package enum EscapeFamily: String, Sendable, CaseIterable {
    case files, processes, kernel, network, exhaustion, `protocol`, load, tenants, swift
}

/// How the jail is built while a case runs (DESIGN 4).
package enum EscapeRung: String, Sendable, CaseIterable {
    /// A user of its own for every slot.
    case root
    /// User namespaces and delegated cgroups.
    case rootless
    /// Landlock, seccomp and rlimits: an account that may make no user namespace and has no cgroup.
    case landlock

    /// Those that are soaked with leaking plugins: without a cgroup a leak ends by an allocation that fails, and is nobody's news.
    package static let soaked: [EscapeRung] = [.root, .rootless]

    /// As the spawner names it.
    package var spawnerName: String { self == .rootless ? "userns" : rawValue }
}

/// Who makes a call.
package enum Caller: String, Sendable {
    /// Alice and Bob share a tenant, Carol has another.
    case alice, bob, carol

    /// The tenant.
    package var tenant: String { self == .carol ? "tenant-b" : "tenant-a" }
    /// The user.
    package var user: String { rawValue }
}

/// One call of a case. Most cases have one; those about what is left behind have several.
package struct EscapeStep: Sendable {
    package var caller: Caller
    /// The attack within the library.
    package var attack: String
    package var argument: String
    /// The caller gives up after so long.
    package var cancelAfterMilliseconds: Int?
    package var expected: Expectation

    package init(_ attack: String, by caller: Caller = .alice, cancelAfterMilliseconds: Int? = nil, _ expected: Expectation) {
        self.init(attack, "", by: caller, cancelAfterMilliseconds: cancelAfterMilliseconds, expected)
    }

    package init(
        _ attack: String, _ argument: String, by caller: Caller = .alice, cancelAfterMilliseconds: Int? = nil, _ expected: Expectation
    ) {
        self.attack = attack
        self.argument = argument
        self.caller = caller
        self.cancelAfterMilliseconds = cancelAfterMilliseconds
        self.expected = expected
    }
}

/// What is done to a bundle before or after it is registered.
package enum Tampering: String, Sendable {
    case none
    /// The library is another file than the one whose digest the manifest has.
    case wrongDigest
    /// The library in the bundle folder is replaced after it was verified.
    case swappedAfterVerification
    /// The library is overwritten in place after it was verified.
    case overwrittenAfterVerification
    /// The library is a symbolic link to another bundle's.
    case symbolicLink
    /// A folder of the bundle is a symbolic link.
    case symbolicFolder
    /// The manifest names a path outside of the bundle.
    case pathOutside
    /// A file that plugin.json does not list lies in the bundle.
    case unlistedFile
    /// A file that plugin.json lists is not there.
    case missingFile
    /// The library is a FIFO: whoever opens it without care waits for ever.
    case fifo
    /// Nobody signed the bundle.
    case unsigned
    /// A key signed it that nobody here trusts, under the name of a publisher who is trusted.
    case foreignKey
    /// plugin.json says something else than what was signed.
    case changedRequest
    /// A mode that would run the library as its owner.
    case setUserID
    /// The manifest grants more than the plugin asked for.
    case grantBeyondRequest
}

/// One attack with what must come of it on each rung.
package struct EscapeCase: Sendable {
    /// `family.name`, unique.
    package let id: String
    package let family: EscapeFamily
    /// The library under Tests/Hostile, without `lib` and `.so`.
    package let library: String
    package let steps: [EscapeStep]
    /// Set when root and rootless differ; otherwise `steps` hold for both.
    package var rootless: [EscapeStep]?
    /// What comes of it on Landlock, seccomp and rlimits alone; nil means the same as `steps`.
    package var landlock: [EscapeStep]?
    package var isolation = "tenant"
    package var timeoutMilliseconds = 30_000
    package var limits: [String: Int] = [:]
    package var tampering = Tampering.none
    /// Whether the manifest has a rule with `socket: true`.
    package var hasSocket = false
    /// Whether it needs libcurl and a server with a certificate: run where openssl is.
    package var needsTLS = false
    /// What it is granted instead of what the socket cases are.
    var egress: JSONValue?
    /// Whom that rule names.
    package var socketHost = "allowed.test"
    package var workers = 4
    /// Why the worker must have ended some seconds after the last call, by `KillReason.name`.
    package var endsBy: [String]?
    /// The same on the Landlock rung, where it differs.
    package var landlockEndsBy: [String]?
    /// Part of `swift test`; the others run with `make escape` alone, because they take seconds by nature.
    package var isQuick: Bool { timeoutMilliseconds > 2_000 && !isSlow }
    package var isSlow = false

    /// The plugin's name: each case is a plugin of its own, so that breakers, pools and load accounts never mix.
    package var plugin: String { id.map { $0 == "." ? "-" : String($0) }.joined() }

    /// The steps of a rung.
    package func steps(on rung: EscapeRung) -> [EscapeStep] {
        switch rung {
        case .root: steps
        case .rootless: rootless ?? steps
        case .landlock: landlock ?? steps
        }
    }

    /// What the worker must have ended by on a rung.
    package func endsBy(on rung: EscapeRung) -> [String]? { rung == .landlock ? landlockEndsBy ?? endsBy : endsBy }

    /// Writes down what the one call of this case comes to on the Landlock rung.
    mutating func onLandlock(_ expected: Expectation) { onLandlock([expected]) }

    /// The same for a case of several calls, in their order.
    mutating func onLandlock(_ expected: [Expectation]) {
        landlock = zip(steps, expected).map { step, outcome in
            var step = step
            step.expected = outcome
            return step
        }
    }

    /// The case with another outcome of its call, or calls, on the Landlock rung.
    func landlock(_ expected: Expectation...) -> EscapeCase {
        var made = self
        made.onLandlock(expected)
        return made
    }

    /// The case whose report differs on the Landlock rung in these attempts; nil for an attempt that is not made.
    func landlock(reports differences: [String: String?]) -> EscapeCase {
        guard steps.count == 1, case .reports(let attempts) = steps[0].expected else { return self }
        return landlock(.reports(attempts.merging(differences.compactMapValues { $0 }) { $1 }.filter { differences[$0.key] != .some(nil) }))
    }
}

extension EscapeCase {
    /// One call by Alice, without an argument.
    static func one(
        _ family: EscapeFamily, _ name: String, library: String? = nil, attack: String? = nil, _ expected: Expectation,
        configure: (inout EscapeCase) -> Void = { _ in }
    ) -> EscapeCase {
        several(family, name, library: library, [EscapeStep(attack ?? name, expected)], configure: configure)
    }

    /// One call by Alice.
    static func one(
        _ family: EscapeFamily, _ name: String, library: String? = nil, attack: String? = nil, _ argument: String, _ expected: Expectation,
        configure: (inout EscapeCase) -> Void = { _ in }
    ) -> EscapeCase {
        several(family, name, library: library, [EscapeStep(attack ?? name, argument, expected)], configure: configure)
    }

    /// Several calls in order.
    static func several(
        _ family: EscapeFamily, _ name: String, library: String? = nil, _ steps: [EscapeStep], configure: (inout EscapeCase) -> Void = { _ in }
    ) -> EscapeCase {
        var made = EscapeCase(id: "\(family.rawValue).\(name)", family: family, library: library ?? "hostile-\(family.rawValue)", steps: steps)
        configure(&made)
        return made
    }
}

/// The whole table.
package enum EscapeCases {
    package static let all: [EscapeCase] =
        files + processes + kernel + network + exhaustion + protocolFaults + protocolAnswers + load + tampering + tenants + swift
}
