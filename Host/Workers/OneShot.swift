import IO

/// A continuation that several parties may want to resume; the first one does.
final class OneShot: Sendable {
    private let continuation: Lock<UnsafeContinuation<Void, Never>?>

    init(_ continuation: UnsafeContinuation<Void, Never>) { self.continuation = Lock(continuation) }

    func resume() {
        let waiting = continuation.withLock { value in
            defer { value = nil }
            return value
        }
        waiting?.resume()
    }
}
