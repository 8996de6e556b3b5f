/// What became of a resolver's answers: the addresses that may be dialled, in the resolver's order, and why the others may not.
package struct AddressJudgement: Sendable, Hashable {
    /// The only addresses to connect to; there is no second look-up.
    package private(set) var usable: [IPAddress] = []
    /// A line for each answer. Addresses that are not dialled are named by their block only.
    package private(set) var steps: [EgressStep] = []

    /// Judges every answer on its own: of mixed answers the public ones are used, however many private ones stand beside them.
    init(_ answers: [IPAddress], host: EgressHost, privateNetworks: PrivateNetworks) {
        for (index, address) in answers.prefix(Limits.answersMax).enumerated() {
            let found = AddressClass(address)
            let isOpened = privateNetworks.opens(address, found, for: host)
            let what = found.isPublic ? "\(address): public" : isOpened ? "\(found): opened by the operator for this host" : "\(found): not dialled"
            let isUsable = found.isPublic || isOpened
            steps.append(EgressStep("address", "answer \(index + 1) of \(answers.count): \(what)", isPassed: isUsable))
            if isUsable, !usable.contains(address) { usable.append(address) }
        }
    }
}
