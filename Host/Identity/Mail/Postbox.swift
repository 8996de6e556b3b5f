internal import Crypto
package import IO
internal import Store

/// Takes one letter, as mail carries it, where it should go.
package protocol Carrier: Sendable {
    /// - Throws: why it could not; the letter is tried again.
    func carry(_ bytes: [UInt8], from sender: String, to recipient: String) async throws
}

/// Sends letters, one after the other, and tries again what could not be sent. What waits is in memory: a letter that a crash takes can be asked for again.
package final class Postbox: Post {
    private let queue: AsyncStream<Letter>.Continuation
    private let keeper: OwnedTask<Void>

    /// Sends from now on. `onFailure` hears, without the text, of a letter that is given up.
    package init(
        _ carrier: any Carrier, from sender: String, on loop: EventLoop, patience: [Int] = IdentityLimits.mailPauses,
        onFailure: @escaping @Sendable (String) -> Void
    ) {
        let (letters, queue) = AsyncStream.makeStream(of: Letter.self, bufferingPolicy: .bufferingOldest(IdentityLimits.lettersMax))
        self.queue = queue
        keeper = OwnedTask(on: loop) {
            for await letter in letters {
                do {
                    try await Self.send(letter, carrier, sender, loop, patience)
                } catch {
                    onFailure("\(error)")
                }
            }
        }
    }

    /// Queues a letter; beyond `IdentityLimits.lettersMax` that wait it is dropped, as whoever wants it can ask again.
    package func send(_ letter: Letter) { queue.yield(letter) }

    /// Sends what is queued, and no more; what has to be tried again is given up.
    package func close() async {
        queue.finish()
        keeper.cancel()
        await keeper.finish()
    }

    private static func send(
        _ letter: Letter, _ carrier: any Carrier, _ sender: String, _ loop: EventLoop, _ patience: [Int]
    ) async throws {
        let bytes = MailText.bytes(of: letter, from: sender, id: UUIDv7.make(), at: StoreClock.nowMilliseconds())
        for pause in patience {
            do {
                return try await carrier.carry(bytes, from: sender, to: letter.to)
            } catch {
                try await loop.sleep(until: .after(milliseconds: pause))
            }
        }
        try await carrier.carry(bytes, from: sender, to: letter.to)
    }
}
