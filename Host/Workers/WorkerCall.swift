package import IO
package import Supervisor
package import WorkerProtocol

/// One call for a worker; all of it was validated.
package struct WorkerCall: Sendable {
    package var tool: String
    package var requestID: String
    /// Whose call it is; for what the host writes down of it.
    package var tenant: String
    /// W3C trace context, or empty.
    package var traceparent: String
    /// JSON, valid against the tool's input schema.
    package var input: [UInt8]
    package var attachments: [Attachment]
    package var key: IsolationKey
    package var deadline: Deadline

    package init(
        tool: String, requestID: String, tenant: String = "", traceparent: String = "", input: [UInt8], attachments: [Attachment] = [],
        key: IsolationKey,
        deadline: Deadline
    ) {
        self.tool = tool
        self.requestID = requestID
        self.tenant = tenant
        self.traceparent = traceparent
        self.input = input
        self.attachments = attachments
        self.key = key
        self.deadline = deadline
    }
}

/// How a call to a worker ended.
package enum WorkerCallEnd: Sendable {
    /// The plugin answered; nothing of it is validated yet.
    case result(ResultPayload)
    /// The plugin answered with an error of its own.
    case failure(FailurePayload)
    /// The caller gave up.
    case cancelled
    /// The deadline passed.
    case deadline
    /// There was no worker.
    case refused(WorkerPool.Refusal)
    /// The worker died or had to be killed.
    case died(KillReason)
}

/// How a call ended and what it cost.
package struct WorkerCallOutcome: Sendable {
    package var end: WorkerCallEnd
    /// Whether the plugin may have seen the call; false only if it cannot have.
    package var reachedPlugin: Bool
    /// CPU, memory and worker start are filled in here.
    package var usage: CallUsage

    package init(end: WorkerCallEnd, reachedPlugin: Bool, usage: CallUsage) {
        (self.end, self.reachedPlugin, self.usage) = (end, reachedPlugin, usage)
    }
}

/// What a call's owner does for it while it runs. Every method is called on the call's own loop; `event` and `log` one at a time, `fetch` and
/// `keyValue` several at once. All are cancelled when the call ends.
package protocol WorkerCallHost: Sendable {
    /// The plugin reports something. Throws `MalformedPayload` if it makes no sense, which ends the worker, and anything else when the caller is
    /// gone, which cancels the call.
    func event(_ kind: EventKind, _ json: [UInt8]) async throws
    /// A line for the log.
    func log(_ level: UInt8, _ message: String)
    /// A request for the network.
    func fetch(_ request: FetchPayload, until deadline: Deadline) async -> FetchReplyPayload
    /// A request for the network whose reply is read piece by piece; the answer is its head, and for the reply itself the host keeps the request's id.
    func fetchOpen(_ request: FetchPayload, until deadline: Deadline) async -> FetchReplyPayload
    /// A request with a body of its own pieces has come: what is written from now on is for it.
    func fetchExpect(_ request: FetchBeginPayload)
    /// As `fetchOpen`, with the body that was expected.
    func fetchBegin(_ request: FetchBeginPayload, until deadline: Deadline) async -> FetchReplyPayload
    /// Passes a piece of a body on; answers when the server's connection has taken it, or why it will not.
    func fetchWrite(_ id: UInt32, _ data: [UInt8]) async -> FetchWrittenPayload
    /// A body has no more pieces.
    func fetchFinish(_ id: UInt32)
    /// The next piece of an open reply.
    func fetchRead(_ id: UInt32) async -> FetchPiecePayload
    /// Ends an open reply, or one whose opening or piece is under way, at once.
    func fetchClose(_ id: UInt32)
    /// The call is over: what it left open is closed.
    func callEnded()
    /// A request for the plugin's state.
    func keyValue(_ request: KeyValuePayload, until deadline: Deadline) async -> KeyValueReplyPayload
}

/// A host that opens no replies.
extension WorkerCallHost {
    package func fetchOpen(_ request: FetchPayload, until deadline: Deadline) async -> FetchReplyPayload {
        FetchReplyPayload(id: request.id, status: 0, errorCode: "forbidden", errorMessage: "this host opens no replies")
    }
    package func fetchExpect(_ request: FetchBeginPayload) {}
    package func fetchBegin(_ request: FetchBeginPayload, until deadline: Deadline) async -> FetchReplyPayload {
        FetchReplyPayload(id: request.id, status: 0, errorCode: "forbidden", errorMessage: "this host opens no replies")
    }
    package func fetchWrite(_ id: UInt32, _ data: [UInt8]) async -> FetchWrittenPayload {
        FetchWrittenPayload(id: id, errorCode: "cancelled", errorMessage: "this host takes no bodies")
    }
    package func fetchFinish(_ id: UInt32) {}
    package func fetchRead(_ id: UInt32) async -> FetchPiecePayload { .cancelled(id: id) }
    package func fetchClose(_ id: UInt32) {}
    package func callEnded() {}
}

/// What the service tells whoever keeps metrics and logs; called rarely, never on the fast path.
package protocol WorkerObserver: Sendable {
    /// A worker became ready, that many nanoseconds after it was asked for.
    func workerStarted(plugin: String, nanoseconds: UInt64)
    /// A worker is gone.
    ///
    /// - Parameter isReported: whether a call was told the reason, and so its owner has recorded it.
    func workerEnded(plugin: String, version: String, worker: UInt64, reason: KillReason, isReported: Bool)
    /// A plugin spoke outside a call.
    func workerLogged(plugin: String, level: UInt8, message: String)
    /// A plugin will not load and is given up.
    func pluginBroken(plugin: String, version: String, generation: UInt64, reason: String)
    /// A plugin has its first ready worker.
    func pluginReady(plugin: String, version: String, generation: UInt64)
}
