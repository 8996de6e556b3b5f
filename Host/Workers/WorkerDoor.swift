package import IO

/// What serves the listener in one worker's own network namespace: the CONNECT proxy.
///
/// It lives as long as its worker, and whatever passed through it ends with it.
package protocol WorkerDoor: AnyObject, Sendable {
    /// Serves until `close()`; returns when nothing of it is left.
    func run() async
    /// Ends it; from any thread, any number of times.
    func close()
    /// Says for which call of which tenant's the worker works from now on, nil for none; for the log.
    func works(for requestID: String?, tenant: String)
    /// What has passed since the beginning: a worker has one call at a time, so what passes during it is the call's.
    var traffic: (requests: Int, bytes: Int) { get }
}

/// Makes the door of a worker; it owns the listener from then on.
package typealias WorkerDoorMaker = @Sendable (_ listener: consuming FileDescriptor, _ worker: UInt64, _ loop: EventLoop) -> any WorkerDoor
