import COpenSSL

/// The keys that session tickets are encrypted with: a new one every few hours, the one before it still read, both in memory alone.
///
/// OpenSSL's own keys live as long as their context, so that who steals them later reads what was ever sent by TLS 1.2 with tickets.
final class TLSTicketKeys: Sendable {
    /// What one ticket is encrypted and signed with.
    struct Key: Sendable {
        let name: [UInt8]
        let cipher: [UInt8]
        let mac: [UInt8]
        let made: Deadline

        /// Random bytes; nil when the system has none.
        init?(at now: Deadline) {
            var bytes = [UInt8](repeating: 0, count: 80)
            guard RAND_priv_bytes(&bytes, Int32(bytes.count)) == 1 else { return nil }
            (name, cipher, mac) = (Array(bytes[..<16]), Array(bytes[16..<48]), Array(bytes[48...]))
            made = now
        }
    }

    private struct State: Sendable {
        var current: Key?
        var previous: Key?
    }

    private let lifeMilliseconds: Int
    private let now: @Sendable () -> Deadline
    private let state = Lock(State())

    init(lifeMilliseconds: Int = IOLimits.ticketKeyMilliseconds, now: @escaping @Sendable () -> Deadline = { .now() }) {
        self.lifeMilliseconds = lifeMilliseconds
        self.now = now
    }

    /// The key for new tickets; nil when no random bytes can be had.
    func current() -> Key? {
        state.withLock { state in
            rotate(&state)
            return state.current
        }
    }

    /// The key of that name, and whether it still serves for new tickets.
    func find(_ name: UnsafeBufferPointer<UInt8>) -> (key: Key, isCurrent: Bool)? {
        state.withLock { state in
            rotate(&state)
            if let key = state.current, name.elementsEqual(key.name) { return (key, true) }
            if let key = state.previous, name.elementsEqual(key.name) { return (key, false) }
            return nil
        }
    }

    private func rotate(_ state: inout State) {
        let time = now()
        if let current = state.current {
            if time < current.made.adding(milliseconds: lifeMilliseconds) { return }
            // One that nobody has asked for in two lives is not taken up again.
            state.previous = time < current.made.adding(milliseconds: 2 * lifeMilliseconds) ? current : nil
        }
        state.current = Key(at: time)
    }
}

extension TLSTicketKeys {
    /// OpenSSL's callback: sets up the encryption of a new ticket, or the decryption of one that came. 1 well, 2 well and renew, 0 unknown, -1 failed.
    func begin(
        name: UnsafeMutablePointer<UInt8>, iv: UnsafeMutablePointer<UInt8>, cipher: OpaquePointer, mac: OpaquePointer, encrypts: Bool
    ) -> Int32 {
        if encrypts {
            guard let key = current(), RAND_bytes(iv, 16) == 1 else { return -1 }
            for index in 0..<16 { name[index] = key.name[index] }
            return TLSTicketKeys.prepare(key, iv, cipher, mac, encrypts: true) ? 1 : -1
        }
        guard let (key, isCurrent) = find(UnsafeBufferPointer(start: name, count: 16)) else { return 0 }
        guard TLSTicketKeys.prepare(key, iv, cipher, mac, encrypts: false) else { return -1 }
        return isCurrent ? 1 : 2
    }

    private static func prepare(_ key: Key, _ iv: UnsafePointer<UInt8>, _ cipher: OpaquePointer, _ mac: OpaquePointer, encrypts: Bool) -> Bool {
        var secret = key.mac
        return copenssl_ticket_begin(cipher, mac, key.cipher, &secret, secret.count, iv, encrypts ? 1 : 0) == 1
    }
}
