import IO

extension HTTPConnection {
    /// Answers a handshake and serves the socket until it is over; a request that is no valid handshake gets an ordinary error.
    func upgrade(
        _ upgrade: WebSocketUpgrade, headers: HTTPHeaders, to head: HTTPRequestHead, hasBody: Bool, requestID: String, keepsAlive: Bool
    ) async throws {
        let agreement: WebSocketHandshake.Agreement
        do throws(WebSocketHandshake.Refused) {
            agreement = try WebSocketHandshake.check(head, hasBody: hasBody, upgrade.configuration)
        } catch {
            var response = server.configuration.errorResponse(error.failure.status, error.failure.message, requestID)
            response.status = error.failure.status
            for (name, value) in error.headers.pairs { response.headers.add(name, value) }
            return try await write(response, to: head, requestID: requestID, keepsAlive: keepsAlive)
        }
        guard let stream else { throw IOError(.closed, "upgrade") }
        // Whatever comes of it, no further request is read here.
        isClosing = true
        var fields = agreement.headers
        for (name, value) in headers.pairs where !fields.contains(name) { fields.add(name, value) }
        try await sendSwitch(fields, requestID: requestID)
        let socket = WebSocket(stream: stream, configuration: upgrade.configuration, agreement: agreement)
        swap(&socket.input, &input)
        webSocket = socket
        defer { webSocket = nil }
        if context.isDraining { socket.drain() }
        if stream.hasHungUp { socket.hungUp(isHalf: true) }
        await serve(socket, upgrade)
    }

    private func sendSwitch(_ fields: HTTPHeaders, requestID: String) async throws {
        var out = context.takeOut()
        server.writer.head(
            &out, status: 101, headers: fields, framing: .webSocket, keepsAlive: true, minorVersion: 1, requestID: requestID,
            date: context.dateNow())
        try await sendOut(&out)
    }

    /// Runs the handler beside the socket's own work; both are over when this returns.
    private func serve(_ socket: WebSocket, _ upgrade: WebSocketUpgrade) async {
        let handler = OwnedTask<Void>(on: context.loop) {
            do { try await upgrade.serve(socket) } catch {
                // Its own trouble; an end of the connection's, which it may have passed on, is no news to anybody.
                socket.startClose(WebSocketClose(.internalError))
            }
            socket.isHandlerDone = true
            socket.wake()
        }
        await socket.serve(scratch: context.scratch)
        // Its sockets are gone and it has had its grace, or the server wants it gone.
        handler.cancel()
        socket.cutOff(.gone)
        await handler.finish()
    }
}
