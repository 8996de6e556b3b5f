import API
import Config
import IO
import Identity
import JSON
import Store
import Telemetry

/// Identity as a running server has it.
struct IdentityWiring: Sendable {
    /// Who issues access tokens, as they say.
    static let issuer = "limen"
    /// How often a host looks whether its keys are due.
    private static let keysMilliseconds = 3_600_000

    let service: IdentityService
    let providers: OIDCService
    private let postbox: Postbox
    private let vault: IdentityVault
    private let log: Log

    init(
        _ engine: Engine, _ station: Station, _ door: EgressDoor, _ settings: Configuration, _ limits: LimitsWiring, _ metrics: Metrics
    ) async throws {
        let (desk, pool) = (try PasswordDesk(), try BlockingPool(name: "outbox", threads: 1, queueMax: 16))
        engine.atEnd {
            desk.close()
            pool.shutdown()
        }
        RuntimeMetrics.observe(pool: "password", in: metrics) { desk.metrics }
        let (stamp, log) = (try ChangeStamp(data: settings.data), engine.log)
        stamp.repair()
        let carrier = try await Self.carrier(engine, station, door, settings, pool)
        guard let sender = Email(settings.identity.mailFrom) else { throw CommandError("identity.mail.from is no address that mail can be from") }
        postbox = Postbox(carrier, from: sender.text, on: engine.loop) { cause in
            log.error("a letter could not be sent", [("cause", .string(cause))])
        }
        self.log = log
        vault = try await IdentityVault.open(station.secrets, issuer: Self.issuer, now: StoreClock.nowMilliseconds())
        var options = IdentityService.Options()
        options.isSignUpOpen = settings.identity.isSignUpOpen
        options.accessMilliseconds = Int64(settings.identity.accessMilliseconds)
        options.sessions = SessionPolicy { device, plan in
            Int64(limits.settings.integer("sessions.\(device.rawValue)_idle_ms", plan: plan))
        }
        options.tenantRules = { (tenant) async throws(StoreError) in
            let isOpen = try await limits.settings.value("sign_up", tenant: tenant) == "open"
            return TenantRules(isSignUpOpen: isOpen, plan: try await limits.settings.value("plan_default", tenant: tenant).stringValue ?? "free")
        }
        options.guesses = { guess in await limits.wait(for: guess) }
        options.leaked = PasswordList(path: settings.identity.passwordList ?? PasswordList.standardPath)
        if let path = settings.identity.passwordList, options.leaked == nil {
            throw CommandError("identity.password_list: \(path) cannot be opened: \(Path.reason()); the service's own account reads it")
        }
        options.publicURL = settings.identity.publicURL
        // What other processes change is told by the stamp on a file, and by the database itself on a server.
        let database = station.database
        database.keepsCopies()
        let memory = OwnerMemory { database.kind == .sqlite ? stamp.value() : database.copyStamp }
        service = IdentityService(
            database: station.database, desk: desk, vault: vault, post: postbox, memory: memory, options: options)
        providers = OIDCService(
            service, providers: try await Providers.read(settings.identity.providers, station.secrets),
            fetcher: ProviderFetch(proxy: door.proxy, privateNetworks: door.privateNetworks, limiter: limits.limiter))
    }

    /// How letters leave: by a mail server, by a program like sendmail, or into the outbox.
    private static func carrier(
        _ engine: Engine, _ station: Station, _ door: EgressDoor, _ settings: Configuration, _ pool: BlockingPool
    ) async throws -> any Carrier {
        let mail = settings.identity
        if let program = mail.mailCommand { return CommandCarrier(program: program, pool: pool) }
        guard let host = mail.smtpHost else { return FolderCarrier(folder: "\(settings.data)/outbox", pool: pool) }
        let security = SMTPDialogue.Security(rawValue: mail.smtpSecurity) ?? .tls
        guard security != .none || Providers.isLoopback(host) else {
            throw CommandError("identity.mail.smtp_security: letters leave this machine over TLS only")
        }
        var login: SMTPDialogue.Login?
        if let user = mail.smtpUser {
            guard let secret = try await station.secrets.open(["smtp.password"], tenant: "@host").first else {
                throw CommandError("identity.mail.smtp_user needs a password: `limen secret set smtp.password --tenant @host < FILE`")
            }
            login = .init(user: user, password: String(decoding: secret.reveal(), as: UTF8.self))
        }
        return SMTPCarrier(
            host: host, port: UInt16(mail.smtpPort), security, login: login, resolver: door.resolver, tls: door.tls, on: engine.loop)
    }

    /// Rotates the keys of access tokens until it is cancelled: every host reads them for itself.
    func keep(on loop: EventLoop) async throws {
        while true {
            do {
                try await vault.refresh(now: StoreClock.nowMilliseconds())
            } catch {
                log.error("the keys of access tokens could not be looked at", [("cause", .string("\(error)"))])
            }
            try await loop.sleep(until: .after(milliseconds: Self.keysMilliseconds))
        }
    }

    /// Writes the letters that wait.
    func close() async { await postbox.close() }
}
