/// Registrations by slot; the epoll data is slot and generation, so that an event of an earlier tenant finds nobody.
struct RegistrationTable {
    /// The epoll data of the loop's own eventfd; no slot reaches it.
    static let wakeupID = UInt64.max

    private var slots: [FDRegistration?] = []
    private var generations: [UInt32] = []
    private var free: [UInt32] = []

    /// Everybody registered now.
    var all: [FDRegistration] { slots.compactMap { $0 } }

    /// Gives `registration` a slot; the answer is its epoll data.
    mutating func insert(_ registration: FDRegistration) -> UInt64 {
        if let slot = free.popLast() {
            slots[Int(slot)] = registration
            return UInt64(generations[Int(slot)]) << 32 | UInt64(slot)
        }
        slots.append(registration)
        generations.append(0)
        return UInt64(slots.count - 1)
    }

    /// The present tenant, nil when `id` is of an earlier one.
    func find(_ id: UInt64) -> FDRegistration? {
        let slot = Int(truncatingIfNeeded: id & 0xffff_ffff)
        guard slot < slots.count, generations[slot] == UInt32(truncatingIfNeeded: id >> 32) else { return nil }
        return slots[slot]
    }

    mutating func remove(_ id: UInt64) {
        let slot = Int(truncatingIfNeeded: id & 0xffff_ffff)
        slots[slot] = nil
        generations[slot] &+= 1
        free.append(UInt32(slot))
    }
}
