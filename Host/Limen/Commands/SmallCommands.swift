import API
import Config
import JSON

/// `limen openapi`
enum OpenAPICommand {
    static func run(_ arguments: Arguments) throws -> Int32 {
        let document = Routes.document(version: Version.current)
        Output.print(String(decoding: document.serialized(.pretty), as: UTF8.self) + "\n")
        return 0
    }
}

/// `limen config check` and `limen config reference`
enum ConfigCommands {
    static func check(_ arguments: Arguments) throws -> Int32 {
        let settings = try Settings.load(arguments)
        _ = try settings.address()
        Output.print("\(Settings.file(arguments) ?? "the defaults and the environment") are in order\n")
        return 0
    }

    static func reference(_ arguments: Arguments) throws -> Int32 {
        Output.print(ConfigurationReference.document())
        return 0
    }
}
