import API
import JSON

/// `limen openapi`
enum OpenAPICommand {
    static func run(_ arguments: Arguments) throws -> Int32 {
        let document = Routes.document(version: Version.current)
        Output.print(String(decoding: document.serialized(.pretty), as: UTF8.self) + "\n")
        return 0
    }
}

/// `limen doctor`
enum DoctorCommand {
    static func outer(_ arguments: Arguments) throws -> LaunchPlan {
        let (workshop, _) = try AuthorCommands.workshop()
        Output.print("doctor\n")
        return .inWorkshop(workshop, words: ["doctor"], arguments)
    }

    static func run(_ arguments: Arguments) throws -> Int32 { 0 }
}

/// `limen config check` and `limen config reference`
enum ConfigCommands {
    static func check(_ arguments: Arguments) throws -> Int32 { 0 }
    static func reference(_ arguments: Arguments) throws -> Int32 { 0 }
}

/// `limen bench`
enum BenchCommand {
    static func outer(_ arguments: Arguments) throws -> LaunchPlan {
        let (workshop, _) = try AuthorCommands.workshop()
        return .inWorkshop(workshop, words: ["bench"], arguments)
    }

    static func run(_ arguments: Arguments) throws -> Int32 { 0 }
}
