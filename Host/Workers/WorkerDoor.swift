package import IO

/// What serves the listener in one worker's own network namespace: the CONNECT proxy.
///
/// It lives as long as its worker, and whatever passed through it ends with it.
package protocol WorkerDoor: AnyObject, Sendable {
    /// Serves until `close()`; returns when nothing of it is left.
    func run() async
    /// Ends it; from any thread, any number of times.
    func close()
}

/// Makes the door of a worker; it owns the listener from then on.
package typealias WorkerDoorMaker = @Sendable (_ listener: consuming FileDescriptor, _ worker: UInt64, _ loop: EventLoop) -> any WorkerDoor
