/// Names that no rule can allow.
enum ForbiddenNames {
    /// Names of clouds' metadata services; their addresses are in `SpecialBlock.metadata`.
    private static let metadata: Set<String> = [
        "metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal", "metadata.tencentyun.com",
        "metadata.platformequinix.com", "metadata.packet.net", "metadata.azure.internal", "metadata.azure.com",
    ]

    /// Top-level names that never go to the DNS: RFC 7686, RFC 6761 section 6.4, RFC 9476.
    private static let specialUse: Set<Substring> = ["onion", "invalid", "alt"]

    static func isMetadata(_ name: String) -> Bool { metadata.contains(name) || metadata.contains { name.hasSuffix("." + $0) } }

    static func isSpecialUse(_ name: String) -> Bool { name.split(separator: ".").last.map(specialUse.contains) ?? false }
}
