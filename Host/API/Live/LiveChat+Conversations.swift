import Chat
import IO
import JSON
import Store

extension LiveChat {
    // MARK: Conversations

    func list(_ context: RequestContext) async throws(APIError) -> Reply {
        let (limit, cursor) = context.page
        let status = context.query["status"]?.stringValue.flatMap { ConversationStatus(rawValue: $0) }
        let page = try await run(context) { (service, speaker) async throws(ChatError) in
            try await service.store.list(of: speaker, status: status, cursor: cursor, limit: limit)
        }
        return Self.list(page, Self.json)
    }

    func create(_ context: RequestContext) async throws(APIError) -> Reply {
        .data(
            Self.json(
                try await run(context) { (service, speaker) async throws(ChatError) in
                    try await service.store.create(
                        title: NormalForm.of(context.body["title"]?.stringValue ?? ""), context: context.body["active_context_id"]?.stringValue,
                        of: speaker)
                }))
    }

    func get(_ context: RequestContext) async throws(APIError) -> Reply { .data(Self.json(try await conversation(context))) }

    private func conversation(_ context: RequestContext) async throws(APIError) -> Conversation {
        try await run(context) { (service, speaker) async throws(ChatError) in
            try await service.store.conversation(context.parameter("id"), of: speaker)
        }
    }

    func change(_ context: RequestContext) async throws(APIError) -> Reply {
        let before = Self.json(try await conversation(context))
        let after = try LiveIdentity.patched(before, by: context.body)
        var rest = before.objectValue ?? [:]
        for name in ["title", "status", "active_context_id"] { rest[name] = after[name] }
        let (title, status, active) = (after["title"]?.stringValue, after["status"]?.stringValue, after["active_context_id"])
        guard JSONValue.object(rest) == after, let title, title.unicodeScalars.count <= ChatLimits.titleMax, !title.utf8.contains(0),
            let status = status.flatMap({ ConversationStatus(rawValue: $0) }), let active,
            active.isNull || active.stringValue.map({ (1...255).contains($0.utf8.count) }) == true
        else {
            throw .invalid(
                "The owner changes `title` (at most \(ChatLimits.titleMax) characters), `status` (open or archived) and `active_context_id` (an id or null), and nothing else.",
                reason: "patch")
        }
        func changed<Value>(_ name: String, _ value: Value) -> Value? { before[name] == after[name] ? nil : value }
        let found = try await run(context) { (service, speaker) async throws(ChatError) in
            try await service.store.change(
                context.parameter("id"), title: changed("title", NormalForm.of(title)), status: changed("status", status),
                context: changed("active_context_id", active.stringValue), of: speaker)
        }
        return .data(Self.json(found))
    }

    func remove(_ context: RequestContext) async throws(APIError) -> Reply {
        try await run(context) { (service, speaker) async throws(ChatError) in try await service.store.remove(context.parameter("id"), of: speaker) }
        return .data(["deleted": true])
    }

    func messages(_ context: RequestContext) async throws(APIError) -> Reply {
        let (limit, cursor) = context.page
        let found = try await run(context) { (service, speaker) async throws(ChatError) in
            try await service.store.messages(of: context.parameter("id"), by: speaker, after: cursor, limit: limit)
        }
        return Self.list(found.page, Self.json)
    }

    func export(_ context: RequestContext) async throws(APIError) -> Reply {
        let (id, format) = (context.parameter("id"), context.query["format"]?.stringValue == "markdown" ? ExportFormat.markdown : .json)
        // Read once before the head is sent, so that one that is not there is an error and no broken file.
        let conversation = try await conversation(context)
        let (service, speaker) = (try serving(), Speaker(context.principal))
        return .pieces(contentType: format.contentType, fileName: "conversation-\(id).\(format.suffix)") { write in
            do {
                try await ConversationExport(service.store, conversation, of: speaker, as: format).run(write)
            } catch let error as ChatError {
                throw APIError(error)
            }
        }
    }

    func search(_ context: RequestContext) async throws(APIError) -> Reply {
        let (limit, cursor) = context.page
        let page = try await run(context) { (service, speaker) async throws(ChatError) in
            try await service.store.search(context.query["q"]?.stringValue ?? "", of: speaker, cursor: cursor, limit: limit)
        }
        return Self.list(page) { hit in
            [
                "message_id": .string(hit.message), "conversation_id": .string(hit.conversation), "title": .string(hit.title),
                "role": .string(hit.role.rawValue), "snippet": .string(hit.snippet), "created_at": Self.time(hit.createdAt),
            ]
        }
    }

    // MARK: Links

    func share(_ context: RequestContext) async throws(APIError) -> Reply {
        let milliseconds = context.body["expires_in_ms"]?.int64Value ?? ChatLimits.shareMillisecondsDefault
        let made = try await run(context) { (service, speaker) async throws(ChatError) in
            try await service.store.share(context.parameter("id"), lasting: milliseconds, of: speaker, requestID: context.requestID)
        }
        var json = Self.json(made.0)
        (json["token"], json["path"]) = (.string(made.token), .string("/v1/public/shares/\(made.token)"))
        return .data(.object(json))
    }

    func shares(_ context: RequestContext) async throws(APIError) -> Reply {
        let found = try await run(context) { (service, speaker) async throws(ChatError) in
            try await service.store.shares(of: context.parameter("id"), by: speaker)
        }
        return .data(["items": .array(found.map { .object(Self.json($0)) })])
    }

    func unshare(_ context: RequestContext) async throws(APIError) -> Reply {
        try await run(context) { (service, speaker) async throws(ChatError) in
            try await service.store.unshare(context.parameter("share_id"), of: context.parameter("id"), by: speaker, requestID: context.requestID)
        }
        return .data(["deleted": true])
    }

    /// Messages of a share link's page: with as much as each may say it is still sent.
    private static let shownOnPageMax = 10

    /// The address was counted by the route; the link and its owner are counted here (LIM-7).
    func shared(_ context: RequestContext) async throws(APIError) -> Reply {
        let service = try serving()
        let isPage = context.accepts == .html
        // A page is made here, in one go: it is short.
        let (limit, cursor) = (isPage ? min(context.page.limit, Self.shownOnPageMax) : context.page.limit, context.page.cursor)
        let link = try await checked { () async throws(ChatError) in try await service.store.owner(ofShare: context.parameter("token")) }
        guard let link else { throw .missing("share link") }
        let keys = [RateKey(.shares, tenant: link.tenant, subject: link.id), RateKey(.sharesOfOwner, tenant: link.tenant, subject: link.owner)]
        if let verdict = await limiter?.draw(keys, now: .now()), !verdict.isAllowed { throw verdict.refusal }
        let found = try await checked { () async throws(ChatError) in
            try await service.store.shared(link.id, tenant: link.tenant, cursor: cursor, limit: limit)
        }
        let messages = found.page.items.map(Self.shown)
        if isPage {
            let next = found.page.nextCursor.map { "limit=\(limit)&cursor=\($0)" }
            return .page(SharePage(title: found.title, messages: messages, next: next).html, policy: SharePage.policy)
        }
        return .data([
            "title": .string(found.title), "created_at": Self.time(found.share.createdAt),
            "messages": LiveIdentity.list(messages, found.page.nextCursor),
        ])
    }

    // MARK: Approvals

    func pending(_ context: RequestContext) async throws(APIError) -> Reply {
        let (limit, cursor) = context.page
        let page = try await run(context) { (service, speaker) async throws(ChatError) in
            try await service.approvals.pending(of: speaker, cursor: cursor, limit: limit)
        }
        return Self.list(page, Self.json)
    }

    func decide(_ context: RequestContext) async throws(APIError) -> Reply {
        let decision: ApprovalDecision = context.body["decision"]?.stringValue == "approve" ? .approved : .denied
        return .data(
            Self.json(
                try await run(context) { (service, speaker) async throws(ChatError) in
                    try await service.approvals.decide(context.parameter("id"), decision, by: speaker, requestID: context.requestID)
                }))
    }
}
