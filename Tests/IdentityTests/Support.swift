import Crypto
import Glibc
import IO
import Identity
import Store
import TestKit

/// Identity over a database of its own on either engine, at the tests' password cost, with a clock that the test moves and a post that keeps letters.
final class Bench: Sendable {
    let folder: String
    let place: DatabasePlace
    private let isOwner: Bool
    let database: Database
    let desk: PasswordDesk
    let service: IdentityService
    let post = KeptPost()
    let clock: StepClock
    let memory: OwnerMemory

    static let password = "plum lantern veto 9"

    static let loops = Result { try EventLoopGroup(count: 2) }

    convenience init(
        _ engine: DatabaseEngine, cost: Scrypt.Cost = .cheapestForTests, probe: StoreProbe? = nil,
        _ change: (inout IdentityService.Options) -> Void = { _ in }
    ) async throws {
        var template = Array("/tmp/limen-identity-XXXXXX".utf8CString)
        let folder = mkdtemp(&template).map { String(cString: $0) } ?? ""
        let place: DatabasePlace
        switch engine {
        case .sqlite: place = .sqlite(path: "\(folder)/limen.db")
        case .postgres:
            let server = try PostgresServer.shared.get()
            place = .postgres(PostgresSettings(host: server.folder, database: try server.database(), user: "limen"))
        }
        try await self.init(place, folder: folder, isOwner: true, cost: cost, probe: probe, change)
    }

    /// In another process, where `words` were those of the first.
    convenience init(beside words: [String], probe: StoreProbe?) async throws {
        let place: DatabasePlace =
            words[1] == "sqlite" ? .sqlite(path: words[2]) : .postgres(PostgresSettings(host: words[2], database: words[3], user: "limen"))
        try await self.init(place, folder: words[0], isOwner: false, cost: .cheapestForTests, probe: probe) { _ in }
    }

    /// What another process needs to know.
    var words: String {
        switch place {
        case .sqlite(let path, _): "\(folder) sqlite \(path)"
        case .postgres(let settings): "\(folder) postgres \(settings.host) \(settings.database)"
        }
    }

    private init(
        _ place: DatabasePlace, folder: String, isOwner: Bool, cost: Scrypt.Cost, probe: StoreProbe?,
        _ change: (inout IdentityService.Options) -> Void
    ) async throws {
        (self.folder, self.isOwner, self.place) = (folder, isOwner, place)
        let database = try await Database.open(place, on: Self.loops.get(), probe: probe)
        self.database = database
        // As in a server; on PostgreSQL nothing is remembered before the first lease.
        database.keepsCopies()
        memory = OwnerMemory { database.copyStamp }
        while database.copyStamp == nil { try await Task.sleep(for: .milliseconds(2)) }
        desk = try PasswordDesk(cost: cost, threads: 2, queueMax: 4096)
        clock = StepClock()
        let secrets = SecretStore(database: database, keys: "\(folder)/keys")
        var options = IdentityService.Options()
        change(&options)
        let clock = clock
        service = IdentityService(
            database: database, desk: desk, vault: try await .open(secrets, issuer: "limen", now: clock.now), post: post, memory: memory,
            options: options, now: { clock.now })
    }

    /// Another host on the same database: with a memory of its own and the same keys.
    func neighbour() async throws -> Neighbour {
        let database = try await Database.open(place, on: Self.loops.get())
        database.keepsCopies()
        while database.copyStamp == nil { try await Task.sleep(for: .milliseconds(2)) }
        let clock = clock
        let vault = try await IdentityVault.open(SecretStore(database: database, keys: "\(folder)/keys"), issuer: "limen", now: clock.now)
        let service = IdentityService(
            database: database, desk: desk, vault: vault, post: post, memory: OwnerMemory { database.copyStamp }, now: { clock.now })
        return Neighbour(database: database, service: service)
    }

    /// Runs a line of SQL as PostgreSQL's superuser.
    @discardableResult
    func tamper(_ sql: String) throws -> String {
        guard case .postgres(let settings) = place else { throw IdentityError.failed("that is for PostgreSQL") }
        return try PostgresServer.shared.get().run(sql, in: settings.database)
    }

    /// An account with the usual password.
    func account(_ email: String = "ann@example.com", role: Role = .user) async throws -> Account {
        try await service.create(NewAccount(email: email, password: Self.password, role: role), tenant: "main", by: Actor("test"))
    }

    /// Signs in with the usual password.
    func signIn(_ email: String = "ann@example.com", code: String? = nil, device: Device = .web) async throws -> Credentials {
        let request = SignInRequest(email: email, password: Self.password, code: code, device: device)
        guard case .signedIn(let credentials) = try await service.signIn(request) else { throw IdentityError.wrongCredentials }
        return credentials
    }

    /// Whether a credential is in force now.
    func isGood(_ credential: Credential) async throws -> Bool {
        do throws(IdentityError) {
            _ = try await service.check(credential)
            return true
        } catch {
            guard error == .invalidToken else { throw error }
            return false
        }
    }

    /// The first column of a query's only row.
    func count(_ sql: SQL) async throws -> Int { try await database.read { try await $0.row(sql)?.int(0) ?? -1 } }

    deinit {
        database.close()
        desk.close()
        guard isOwner else { return }
        for name in ["limen.db", "limen.db-wal", "limen.db-shm", "keys/secrets.key", "keys/secrets.key.next", "reported"] {
            unlink("\(folder)/\(name)")
        }
        rmdir("\(folder)/keys")
        rmdir(folder)
    }
}

/// A second host.
struct Neighbour: Sendable {
    let database: Database
    let service: IdentityService
}

/// A clock that stands still until it is moved.
final class StepClock: Sendable {
    private let time = Lock<Int64>(1_800_000_000_000)
    var now: Int64 { time.withLock { $0 } }
    func advance(milliseconds: Int64) { time.withLock { $0 += milliseconds } }
    func advance(minutes: Int64) { advance(milliseconds: minutes * 60_000) }
}

/// Keeps letters.
final class KeptPost: Post {
    private let kept = Lock<[Letter]>([])
    var letters: [Letter] { kept.withLock { $0 } }
    func send(_ letter: Letter) { kept.withLock { $0.append(letter) } }

    /// The code in the last letter.
    var token: String {
        let text = letters.last?.text ?? ""
        return text.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("lmp_") || $0.hasPrefix("lmv_") }.map(String.init) ?? ""
    }
}

/// The error that a piece of work throws; nil when it throws none.
func failure(_ body: () async throws -> Void) async -> IdentityError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? IdentityError ?? .failed("\(error)")
    }
}

/// How often each outcome came of `count` runs at once.
func race<Outcome: Hashable & Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) async -> Outcome) async -> [Outcome: Int] {
    await withTaskGroup(of: Outcome.self) { group in
        for index in 0..<count { group.addTask { await body(index) } }
        var found: [Outcome: Int] = [:]
        for await outcome in group { found[outcome, default: 0] += 1 }
        return found
    }
}
