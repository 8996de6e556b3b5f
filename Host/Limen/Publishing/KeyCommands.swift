import JSON
import Registry

/// A publisher's keys and signatures.
enum KeyCommands {
    /// `limen plugin key new`
    static func new(_ arguments: Arguments) throws -> Int32 {
        guard let name = arguments["name"] else { throw UsageError("--name is missing: the publisher that bundles will name") }
        guard PublisherKey.isName(name) else {
            throw UsageError("--name is letters, digits and ` ._@+-`, at most 128, starting with a letter or digit")
        }
        guard name != LocalPublisher.name else { throw UsageError("--name \(name) is each data folder's own publisher: choose another") }
        let file = try arguments["output"] ?? PublisherKeys.authorFile()
        let key = try PublisherKey.generate(publisher: name)
        try PublisherKeys.write(key, to: file)
        Output.print("\(file)  keep it secret: whoever has it signs as \(name)\n\(key.publicKey.fingerprint)\n")
        Output.print("give others what `limen plugin key show --key \(file)` prints; they trust it with `limen plugin trust add FILE`\n")
        return 0
    }

    /// `limen plugin key show`
    static func show(_ arguments: Arguments) throws -> Int32 {
        let key: PublisherKey
        if arguments["key"] == nil, arguments["data"] == nil {
            let file = try PublisherKeys.authorFile()
            guard Path.exists(file) else { throw CommandError("there is no \(file): make a key with `limen plugin key new`, or name one with --key") }
            key = try PublisherKey(reading: file)
        } else {
            key = try PublisherKeys.choose(arguments)
        }
        Output.complain("\(key.publicKey.fingerprint)\n")
        Output.print(String(decoding: JSONValue.object(key.trusted.json).serialized(.pretty), as: UTF8.self) + "\n")
        return 0
    }

    /// `limen plugin sign BUNDLE...`
    static func sign(_ arguments: Arguments) throws -> Int32 {
        _ = try arguments.operand(0, "BUNDLE")
        let key = try PublisherKeys.choose(arguments)
        for bundle in arguments.operands {
            guard Path.isFolder(bundle) else { throw CommandError("there is no folder \(bundle)") }
            try BundleSigning.sign(bundle, with: key)
            Output.print("\(bundle) is signed by \(key)\n")
        }
        return 0
    }
}
