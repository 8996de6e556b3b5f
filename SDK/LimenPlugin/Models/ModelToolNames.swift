/// Tool names as providers take them, and back: `^[a-zA-Z0-9_-]{1,64}$`, while a tool's id is `plugin.tool`.
///
/// A dot becomes `__`; what would be too long or no longer unique gets a number instead. A name that the model invents comes back as it is.
public struct ModelToolNames: Sendable {
    /// Bytes of a provider's name.
    public static let lengthMax = 64
    private var outward: [String: String] = [:]
    private var inward: [String: String] = [:]

    /// Maps the names of a request: of its tools, and of the calls in its messages.
    public init(_ names: some Sequence<String>) {
        for name in names where outward[name] == nil {
            let given = free(ModelToolNames.plain(name))
            outward[name] = given
            inward[given] = name
        }
    }

    /// Maps the names of a request.
    public init(_ request: ModelChatRequest) {
        let called = request.messages.lazy.flatMap { $0.toolCalls ?? [] }.map(\.name)
        self.init((request.tools ?? []).map(\.name) + called)
    }

    /// The name to send.
    public func provider(_ name: String) -> String { outward[name] ?? ModelToolNames.plain(name) }

    /// The name that a provider's stands for.
    public func original(_ name: String) -> String { inward[name] ?? name }

    private func free(_ wanted: String) -> String {
        guard inward[wanted] != nil else { return wanted }
        var number = 2
        while true {
            let tail = "-\(number)"
            let name = String(wanted.prefix(ModelToolNames.lengthMax - tail.utf8.count)) + tail
            if inward[name] == nil { return name }
            number += 1
        }
    }

    private static func plain(_ name: String) -> String {
        var bytes: [UInt8] = []
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "_"), UInt8(ascii: "-"):
                bytes.append(byte)
            case UInt8(ascii: "."): bytes += [UInt8(ascii: "_"), UInt8(ascii: "_")]
            default: bytes.append(UInt8(ascii: "_"))
            }
        }
        if bytes.isEmpty { bytes = [UInt8(ascii: "_")] }
        return String(decoding: bytes.prefix(lengthMax), as: UTF8.self)
    }
}
