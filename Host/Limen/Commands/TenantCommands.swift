import API
import Identity
import Store

/// What an operator does with tenants; a running server notices each change at the next request.
enum TenantCommands {
    /// `limen tenant create ID`
    static func create(_ arguments: Arguments) throws -> Int32 {
        let id = try id(arguments)
        let tenant = try UserCommands.withIdentity(arguments) { desk in
            try await desk.identity.createTenant(id, name: arguments["name"], host: arguments["host"], by: desk.actor)
        }
        Output.print("\(tenant.id) is a tenant now; `limen user create EMAIL --role admin --tenant \(tenant.id)` makes its admin\n")
        return 0
    }

    /// `limen tenant list`
    static func list(_ arguments: Arguments) throws -> Int32 {
        let tenants = try UserCommands.withIdentity(arguments, changes: false) { desk in
            var (found, cursor): ([Tenant], String?) = ([], nil)
            repeat {
                let page = try await desk.identity.tenants(cursor: cursor, limit: StoreLimits.pageMax)
                found += page.items
                cursor = page.nextCursor
            } while cursor != nil
            return found
        }
        let rows = tenants.map { tenant in
            [tenant.id, tenant.name, tenant.host ?? "", tenant.isActive ? "active" : "disabled", Timestamp.text(milliseconds: tenant.createdAt)]
                .map(CapabilityTable.plain)
        }
        Output.print(TextTable.titled(["id", "name", "host", "state", "created"], rows))
        return 0
    }

    /// `limen tenant disable ID`
    static func disable(_ arguments: Arguments) throws -> Int32 {
        try set(arguments, isActive: false)
        Output.print("its people, their sessions and keys are refused from now on\n")
        return 0
    }

    /// `limen tenant enable ID`
    static func enable(_ arguments: Arguments) throws -> Int32 {
        try set(arguments, isActive: true)
        Output.print("its people are let in again\n")
        return 0
    }

    private static func set(_ arguments: Arguments, isActive: Bool) throws {
        let id = try id(arguments)
        try UserCommands.withIdentity(arguments) { desk in
            var change = TenantChange()
            change.isActive = isActive
            _ = try await desk.identity.changeTenant(id, change, by: desk.actor)
        }
    }

    private static func id(_ arguments: Arguments) throws -> String {
        let id = try arguments.operand(0, "ID")
        guard IdentityService.isTenantID(id) else {
            throw UsageError("\(CapabilityTable.plain(id)) is no tenant's id: 1 to 63 of a-z, 0-9, - and _, the first a letter or digit")
        }
        return id
    }
}
