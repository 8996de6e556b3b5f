/// A block of addresses that are not the public Internet's.
package struct SpecialBlock: Sendable, Hashable {
    /// Why an address of the block is not dialled.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case unspecified, loopback, linkLocal = "link_local", privateUse = "private", shared, multicast, broadcast
        case documentation, benchmarking, protocolAssignment = "protocol_assignment", reserved, discard
        /// Carries an IPv4 address, and a translator or tunnel would go there.
        case embedding
        /// A cloud's metadata service: credentials for whoever asks.
        case metadata
    }

    package let network: IPNetwork
    package let kind: Kind
    /// The registry's name of the block.
    package let name: String
    /// The document that defines it.
    package let reference: String

    init(_ network: String, _ kind: Kind, _ name: String, _ reference: String) {
        guard let network = IPNetwork(network) else { preconditionFailure("\(network) is no network") }
        self.network = network
        self.kind = kind
        self.name = name
        self.reference = reference
    }

    /// Whether an operator may open networks in the block for an exact host. Never metadata, and never what no host has as its address.
    package var canBeOpened: Bool {
        switch kind {
        case .loopback, .linkLocal, .privateUse, .shared, .benchmarking: true
        // Translators that an operator runs; what they translate to is judged as well.
        case .embedding: Self.translated.contains(network)
        default: false
        }
    }

    private static let translated = ["64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0.0.0.0/96"].compactMap { IPNetwork($0) }
}
