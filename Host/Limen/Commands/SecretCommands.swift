import API
import Glibc
import IO
import Registry
import Store

/// What an operator does with secrets; a running server notices each change at the next request.
enum SecretCommands {
    /// The tenant of a command that names none.
    private static let tenantDefault = "main"
    /// Bytes of what is read as a value: more is no secret.
    private static let inputBytesMax = SecretRules.valueBytesMax + 2

    /// The folder of the master key.
    static func keys(in data: String) -> String { "\(data)/keys" }

    /// `limen secret set NAME`
    static func set(_ arguments: Arguments) throws -> Int32 {
        let name = try named(arguments)
        let tenant = try tenant(arguments)
        // Before root is given up: the file may be root's alone.
        let value = try value(arguments)
        if let problem = SecretRules.problem(value: value) { throw CommandError("the value \(problem)") }
        let record = try withStore(arguments) { store, actor in try await store.set(name, tenant: tenant, to: value, by: actor) }
        Output.print("\(name) of tenant \(tenant) is set, version \(record.version); manifests name it in `secrets`\n")
        return 0
    }

    /// `limen secret list`
    static func list(_ arguments: Arguments) throws -> Int32 {
        let tenant = arguments["tenant"]
        if let tenant, let problem = SecretRules.problem(tenant: tenant) { throw UsageError("--tenant \(problem)") }
        let records = try withStore(arguments) { store, _ in
            var (found, cursor): ([SecretRecord], String?) = ([], nil)
            repeat {
                let page = try await store.list(tenant: tenant, cursor: cursor, limit: StoreLimits.pageMax)
                found += page.items
                cursor = page.nextCursor
            } while cursor != nil
            return found
        }
        let rows = records.map { record in
            [
                record.tenant, record.name, String(record.version), Timestamp.text(milliseconds: record.createdAtMilliseconds),
                Timestamp.text(milliseconds: record.updatedAtMilliseconds), record.actor,
                record.lastUsedAtMilliseconds.map { Timestamp.text(milliseconds: $0) } ?? "never", String(record.uses),
            ].map(CapabilityTable.plain)
        }
        Output.print(TextTable.titled(["tenant", "name", "version", "created", "set", "by", "last used", "uses"], rows))
        return 0
    }

    /// `limen secret remove NAME`
    static func remove(_ arguments: Arguments) throws -> Int32 {
        let (name, tenant) = (try named(arguments), try tenant(arguments))
        let isRemoved = try withStore(arguments) { store, actor in try await store.remove(name, tenant: tenant, by: actor) }
        guard isRemoved else { throw CommandError("tenant \(tenant) has no secret \(name): `limen secret list` shows what there is") }
        Output.print("\(name) of tenant \(tenant) is gone; requests that need it are refused from now on\n")
        return 0
    }

    /// `limen keys rotate`
    static func rotate(_ arguments: Arguments) throws -> Int32 {
        let count = try withStore(arguments) { store, actor in try await store.rotate(by: actor) }
        Output.print(
            "\(count) \(count == 1 ? "secret is" : "secrets are") sealed under a new key; what was copied of the old one opens nothing from here on\n"
        )
        Output.print("a backup of the database from before needs the key file from before: make a new one of both\n")
        return 0
    }

    /// Runs `body` with the store of the data folder, as the service's account.
    private static func withStore<Value: Sendable>(
        _ arguments: Arguments, _ body: @escaping @Sendable (SecretStore, SecretActor) async throws -> Value
    ) throws -> Value {
        var none: [String] = []
        let place = try OperatorCommands.Place(arguments, reaching: &none)
        let actor = SecretActor(place.actor.id)
        let group = try EventLoopGroup(count: 1)
        defer { group.stop() }
        let database = try group.runBlocking { try await Database.open(place.database, on: group) }
        defer { database.close() }
        let store = SecretStore(database: database, keys: keys(in: place.data))
        do {
            return try group.runBlocking { try await body(store, actor) }
        } catch let error as StoreError {
            throw CommandError(error.message)
        }
    }

    private static func named(_ arguments: Arguments) throws -> String {
        let name = try arguments.operand(0, "NAME")
        if let problem = SecretRules.problem(name: name) { throw UsageError("\(CapabilityTable.plain(name)) \(problem)") }
        return name
    }

    private static func tenant(_ arguments: Arguments) throws -> String {
        let tenant = arguments["tenant"] ?? tenantDefault
        if let problem = SecretRules.problem(tenant: tenant) { throw UsageError("--tenant \(problem)") }
        return tenant
    }

    /// The value, from a file or standard input and never from an argument, without the line's end behind it.
    static func value(_ arguments: Arguments) throws -> [UInt8] {
        if arguments.operands.count > 1 {
            guard arguments.operands[1] == "-" else {
                throw UsageError("a value is never an argument, which everybody can see: give it on standard input, or with --file")
            }
            guard arguments["file"] == nil else { throw UsageError("either --file or -") }
        }
        var bytes: [UInt8]
        if let file = arguments["file"] {
            let descriptor = open(file, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw CommandError("cannot open \(file): \(Path.reason())") }
            defer { close(descriptor) }
            bytes = try read(descriptor, file)
        } else {
            if isatty(STDIN_FILENO) == 1 {
                throw UsageError("give the value on standard input, such as `limen secret set NAME < FILE`, or with --file")
            }
            bytes = try read(STDIN_FILENO, "standard input")
        }
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        return bytes
    }

    /// What can be read, up to what is too long.
    private static func read(_ descriptor: Int32, _ name: String) throws(CommandError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count <= inputBytesMax {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw CommandError("cannot read \(name): \(Path.reason())") }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return bytes
    }
}
