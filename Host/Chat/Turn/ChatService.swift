package import Artifacts
import Crypto
package import IO
import JSON
import Store
import Workflows

/// Conversations with models and tools. A turn goes the way of SPEC 8: admit, keep what the person said, window, retrieval, model and tools, stream, keep the answer.
///
/// Every instance may be used from any task. A turn runs where it is called and ends with its task: what was streamed until then is stored.
package final class ChatService: Sendable {
    /// What may differ between installations.
    package struct Options: Sendable {
        /// Tokens of an answer at most.
        package var tokensMax = ChatLimits.tokensMaxDefault
        package var turnMillisecondsMax = ChatLimits.turnMillisecondsMax
        /// How long a person has to decide about a destructive tool.
        package var approvalMilliseconds = ChatLimits.approvalMillisecondsDefault
        package init() {}
    }

    package let store: ConversationStore
    package let models: any ModelCatalogue
    package let approvals: ApprovalDesk
    package let running = RunningTurns()
    let toolbox: any ChatToolbox
    /// Where agents are; nil where there are none.
    let artifacts: ArtifactStore?
    let prices: PriceBook
    /// What may be spent; nil where there are no budgets.
    let budgets: Budgets?
    /// Whose clock wakes turns that run on no loop.
    let loop: EventLoop
    let workflows = CompiledWorkflows()
    let options: Options
    let record: @Sendable (TurnRecord) -> Void
    let complain: @Sendable (_ what: String, _ cause: String) -> Void

    /// - Parameters:
    ///   - loop: Wakes turns that are called from no event loop.
    ///   - record: Hears of each turn once, when it is over.
    ///   - complain: For the log: what could not be done, and why.
    package init(
        store: ConversationStore, loop: EventLoop, models: any ModelCatalogue = BuiltInModels(), toolbox: any ChatToolbox = NoTools(),
        artifacts: ArtifactStore? = nil, budgets: Budgets? = nil, options: Options = .init(),
        record: @escaping @Sendable (TurnRecord) -> Void = { _ in }, complain: @escaping @Sendable (String, String) -> Void = { _, _ in }
    ) {
        (self.store, self.models, self.toolbox, self.options, self.record) = (store, models, toolbox, options, record)
        (self.complain, self.loop, self.artifacts, self.budgets) = (complain, loop, artifacts, budgets)
        prices = PriceBook(artifacts)
        approvals = ApprovalDesk(store: store, loop: loop, milliseconds: options.approvalMilliseconds)
        store.database.observe { [running] news in
            // Another host was asked to cancel what runs here.
            guard case .changed(Self.cancelTopic, let key) = news, let wish = CancelWish(key) else { return }
            _ = running.cancel(tenant: wish.tenant, account: wish.account, requestID: wish.requestID, conversation: wish.conversation)
        }
    }

    /// Waits, on the loop that the turn runs on.
    func pause(milliseconds: Int) async throws { try await (EventLoop.current ?? loop).sleep(until: .after(milliseconds: milliseconds)) }

    static let cancelTopic = "chat.cancel"

    /// Cancels a person's turn, by its request or by its conversation, on whatever host it runs. True when one runs that hears of it.
    package func cancel(requestID: String?, conversation: String?, of speaker: Speaker) async throws(ChatError) -> Bool {
        let here = running.cancel(tenant: speaker.tenant, account: speaker.account, requestID: requestID, conversation: conversation)
        if here > 0 { return true }
        let now = store.now()
        let wish = CancelWish(tenant: speaker.tenant, account: speaker.account, requestID: requestID, conversation: conversation)
        return try await store.write(of: speaker) { connection in
            let row = try await connection.row(
                """
                SELECT count(*) FROM conversation WHERE owner = $1 AND tenant = $2 AND turn_until > $3
                    AND ((CAST($4 AS TEXT) IS NOT NULL AND turn = $4) OR (CAST($5 AS TEXT) IS NOT NULL AND id = $5))
                """,
                [.text(speaker.account), .text(speaker.tenant), .integer(now), SQLValue(requestID), SQLValue(conversation)])
            guard let count = try row?.int(0), count > 0 else { return false }
            try await connection.announce(Self.cancelTopic, wish.text)
            return true
        }
    }
}

/// A wish that goes to other hosts, as one text.
private struct CancelWish {
    let tenant: String
    let account: String
    let requestID: String?
    let conversation: String?

    init(tenant: String, account: String, requestID: String?, conversation: String?) {
        (self.tenant, self.account, self.requestID, self.conversation) = (tenant, account, requestID, conversation)
    }

    init?(_ text: String) {
        let parsed: JSONValue
        do {
            parsed = try JSONValue(parsing: text)
        } catch {
            // No host of ours says that.
            return nil
        }
        guard let tenant = parsed["tenant"]?.stringValue, let account = parsed["account"]?.stringValue else { return nil }
        self.init(tenant: tenant, account: account, requestID: parsed["request"]?.stringValue, conversation: parsed["conversation"]?.stringValue)
    }

    var text: String {
        var object: JSONObject = ["tenant": .string(tenant), "account": .string(account)]
        if let requestID { object["request"] = .string(requestID) }
        if let conversation { object["conversation"] = .string(conversation) }
        return JSONValue.object(object).text
    }
}
