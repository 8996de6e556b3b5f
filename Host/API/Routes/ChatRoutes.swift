import Chat
import JSON

extension Routes {
    private static let conversationID = Parameter("id", Schemas.identifier, "The conversation's id.")

    /// Turns, and the socket that carries them.
    static func chatRoutes(_ chat: LiveChat) -> [Route] {
        [
            .post(
                "/v1/chat", "chat", tag: "chat",
                "One turn: stores the message, answers it, stores the answer. Send `Accept: text/event-stream`, or `stream: true`, for tokens as they come.",
                access: .user, limitClass: .chat, body: Schemas.chat, data: Schemas.chatReply, produces: [.json, .events]
            ) { context throws(APIError) in try await chat.turn(context) }.taking(.decodes),
            .post(
                "/v1/chat/cancel", "cancelChat", tag: "chat", "Ends a turn of the caller's; what was streamed is kept.", access: .user,
                limitClass: .writes,
                body: Schemas.cancelTurn, data: Schemas.object(["cancelled": Schemas.flag], required: ["cancelled"])
            ) { context throws(APIError) in try await chat.cancel(context) },
            .socket(
                "/v1/chat/stream", "chatStream", tag: "chat",
                "A WebSocket of turns: each message is a body of POST /v1/chat, or `{\"cancel\": {…}}` with a body of POST /v1/chat/cancel; events come as `{event, data, request_id}`. Without a header to sign in by, the first message is `{\"access_token\": …}`."
            ),
            .get(
                "/v1/models", "listModels", tag: "chat", "The models that a turn can name.", access: .user,
                data: Schemas.object(["items": ["type": "array", "items": Schemas.model]], required: ["items"])
            ) { _ throws(APIError) in chat.models() },
            .get(
                "/v1/usage", "getUsage", tag: "chat",
                "What turns, completions and vectors used and cost: the caller's own, or for an admin the whole tenant's. The newest day first, names in their order.",
                access: .user,
                query: Schemas.pageParameters + [
                    Parameter("by", ["type": "string", "enum": ["day", "model", "agent", "user"], "default": "day"], "What is summed by."),
                    Parameter("from", Schemas.day, "The first day, in UTC."), Parameter("to", Schemas.day, "The last day; today unless given."),
                    Parameter(
                        "days", ["type": "integer", "minimum": 1, "maximum": JSONValue(ChatLimits.usageDaysMax), "default": 31],
                        "Days back from the last, where `from` is not given."),
                    Parameter("of", ["type": "string", "enum": ["me", "tenant"], "default": "me"], "Whose; the tenant's is an admin's to see."),
                ], data: Schemas.list(of: Schemas.usageSum)
            ) { context throws(APIError) in try await chat.usage(context) },
        ]
    }

    /// Conversations and their messages.
    static func conversationRoutes(_ chat: LiveChat) -> [Route] {
        let status = Parameter(
            "status", ["type": "string", "enum": .array(ConversationStatus.allCases.map { .string($0.rawValue) })], "Which; both without it.")
        let format = Parameter("format", ["type": "string", "enum": ["json", "markdown"], "default": "json"], "What is written.")
        return [
            .get(
                "/v1/conversations", "listConversations", tag: "chat", "The caller's conversations, the latest used first.", access: .user,
                query: Schemas.pageParameters + [status], data: Schemas.list(of: Schemas.conversation)
            ) { context throws(APIError) in try await chat.list(context) },
            .post(
                "/v1/conversations", "createConversation", tag: "chat", "Makes an empty conversation.", access: .user, limitClass: .writes,
                body: Schemas.newConversation, data: Schemas.conversation
            ) { context throws(APIError) in try await chat.create(context) },
            .get(
                "/v1/conversations/{id}", "getConversation", tag: "chat", "One conversation.", access: .user, parameters: [conversationID],
                data: Schemas.conversation
            ) { context throws(APIError) in try await chat.get(context) },
            .act(
                "PATCH", "/v1/conversations/{id}", "changeConversation", tag: "chat",
                "Changes `title`, `status` and `active_context_id` by a JSON Patch (RFC 6902) of what GET shows.", access: .user, limitClass: .writes,
                parameters: [conversationID], body: Schemas.patch, data: Schemas.conversation
            ) { context throws(APIError) in try await chat.change(context) },
            .act(
                "DELETE", "/v1/conversations/{id}", "deleteConversation", tag: "chat", "Removes a conversation with all its messages, for good.",
                access: .user, limitClass: .writes, parameters: [conversationID],
                data: Schemas.object(["deleted": Schemas.flag], required: ["deleted"])
            ) { context throws(APIError) in try await chat.remove(context) },
            .get(
                "/v1/conversations/{id}/messages", "listMessages", tag: "chat", "The messages of a conversation in their order, all branches.",
                access: .user, parameters: [conversationID], query: Schemas.pageParameters, data: Schemas.list(of: Schemas.message)
            ) { context throws(APIError) in try await chat.messages(context) },
            .post(
                "/v1/conversations/{id}/messages/{message_id}/regenerate", "regenerateMessage", tag: "chat",
                "Answers a message anew, as a branch beside the answers that it has.", access: .user, limitClass: .chat,
                parameters: [conversationID, Parameter("message_id", Schemas.identifier, "A message of a person, or an answer to one.")],
                body: Schemas.regenerate, data: Schemas.chatReply, produces: [.json, .events]
            ) { context throws(APIError) in try await chat.regenerate(context) }.taking(.decodes),
            .get(
                "/v1/conversations/{id}/export", "exportConversation", tag: "chat", "The whole conversation as a file.", access: .user,
                parameters: [conversationID], query: [format], data: Schemas.text, produces: [.json, .plain], enveloped: false
            ) { context throws(APIError) in try await chat.export(context) }.taking(.exports),
            .get(
                "/v1/search", "searchMessages", tag: "chat", "Messages of the caller's that have every word of `q`, the newest first.", access: .user,
                query: Schemas.pageParameters + [Parameter("q", ["type": "string", "minLength": 1, "maxLength": 512], "The words.")],
                data: Schemas.list(of: Schemas.searchHit)
            ) { context throws(APIError) in try await chat.search(context) },
        ]
    }

    /// Links by which others read, and what people decide.
    static func sharingRoutes(_ chat: LiveChat) -> [Route] {
        [
            Route.post(
                "/v1/conversations/{id}/share", "shareConversation", tag: "chat",
                "Makes a link that shows the conversation as it is now to whoever has it; its token is shown once.", access: .user,
                limitClass: .writes,
                parameters: [conversationID], body: Schemas.newShare, data: Schemas.shownShare
            ) { context throws(APIError) in try await chat.share(context) }.showingOnce,
            .get(
                "/v1/conversations/{id}/share", "listShares", tag: "chat", "The links of a conversation that are in force.", access: .user,
                parameters: [conversationID], data: Schemas.object(["items": ["type": "array", "items": Schemas.share]], required: ["items"])
            ) { context throws(APIError) in try await chat.shares(context) },
            .act(
                "DELETE", "/v1/conversations/{id}/share/{share_id}", "removeShare", tag: "chat",
                "Takes a link back; it shows nothing from the next request on.",
                access: .user, limitClass: .writes, parameters: [conversationID, Parameter("share_id", Schemas.identifier, "The link's id.")],
                data: Schemas.object(["deleted": Schemas.flag], required: ["deleted"])
            ) { context throws(APIError) in try await chat.unshare(context) },
            .get(
                "/v1/public/shares/{token}", "getShare", tag: "public", "What a link shows; for a browser a page without script.", access: .anonymous,
                limitClass: .shares,
                parameters: [Parameter("token", Schemas.identifier, "The link's token.")], query: Schemas.pageParameters, data: Schemas.publicShare,
                produces: [.json, .html]
            ) { context throws(APIError) in try await chat.shared(context) },
            .get(
                "/v1/approvals", "listApprovals", tag: "chat", "Calls of destructive tools that wait for the caller's decision.", access: .user,
                query: Schemas.pageParameters, data: Schemas.list(of: Schemas.approval)
            ) { context throws(APIError) in try await chat.pending(context) },
            .post(
                "/v1/approvals/{id}", "decideApproval", tag: "chat", "Lets a call run, once and with exactly these arguments, or refuses it.",
                access: .user,
                limitClass: .writes, parameters: [Parameter("id", Schemas.identifier, "The approval's id.")], body: Schemas.decision,
                data: Schemas.approval
            ) { context throws(APIError) in try await chat.decide(context) },
        ]
    }
}
