package import WorkerProtocol

/// What makes and kills workers: the spawner process in production, a peer in the same process in tests.
package protocol WorkerSpawner: AnyObject, Sendable {
    /// Asks for a worker. `bundle` and `socket` are lent for the length of the call; false if the request could not be taken.
    func spawn(_ request: SpawnRequest, bundle: Int32, socket: Int32) -> Bool
    /// Asks for its death; its `exited` event follows.
    func kill(_ workerID: UInt64)
    /// Asks the spawner to end.
    func stop()
    /// Starts the delivery of events; `descriptor` is -1 or a descriptor that the handler owns.
    func start(_ handler: @escaping @Sendable (_ event: SpawnerEvent, _ descriptor: Int32) -> Void, lost: @escaping @Sendable () -> Void)
    /// Ends the delivery of events and waits for it.
    func finish() async
}
