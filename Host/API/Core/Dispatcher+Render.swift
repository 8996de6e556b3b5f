import HTTP
import JSON

extension Dispatcher {
    /// A handler's reply as it is sent.
    /// - Throws: 412 when the request was for another state of a document.
    func render(_ reply: Reply, _ route: Route, _ context: RequestContext, _ request: APIRequest) throws(APIError) -> APIResponse {
        let json = [("Content-Type", "application/json")]
        switch reply {
        case .data(let value, let status):
            let bytes = route.enveloped ? Envelope.success(value, requestID: context.requestID) : value.serialized()
            return APIResponse(status: status, headers: json, body: .bytes(bytes))
        case .dataSetting(let value, let headers):
            let bytes = route.enveloped ? Envelope.success(value, requestID: context.requestID) : value.serialized()
            return APIResponse(status: 200, headers: json + headers, body: .bytes(bytes))
        case .dataBytes(let data, let status):
            let bytes = Envelope.success(bytes: data, requestID: context.requestID)
            return APIResponse(status: status, headers: json, body: .bytes(bytes))
        case .document(let contentType, let bytes, let tag):
            return try document(contentType, bytes, tag, request)
        case .raw(let contentType, let bytes, let status):
            return APIResponse(status: status, headers: [("Content-Type", contentType)], body: .bytes(bytes))
        case .page(let bytes, let policy):
            let headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", policy)]
            return APIResponse(status: 200, headers: headers, body: .bytes(bytes))
        case .pieces(let contentType, let fileName, let write):
            let disposition = "attachment; filename=\"\(fileName)\""
            return APIResponse(status: 200, headers: [("Content-Type", contentType), ("Content-Disposition", disposition)], body: .pieces(write))
        case .socket: return APIResponse(status: 101, headers: [], body: .socket)
        case .events(let run):
            return APIResponse(status: 200, headers: [("Content-Type", MediaType.events.rawValue)], body: .events(run))
        case .dataEvents(let run):
            return APIResponse(status: 200, headers: [("Content-Type", MediaType.events.rawValue)], body: .dataEvents(run))
        }
    }

    /// A document, or that the client has it. Only its reader may keep it, and must ask each time: it was given for a key.
    private func document(_ contentType: String, _ bytes: [UInt8], _ tag: EntityTag, _ request: APIRequest) throws(APIError) -> APIResponse {
        let kept = [("ETag", tag.text), ("Cache-Control", "private, no-cache")]
        switch Preconditions(request.headers).verdict(HTTPMethod(rawValue: request.method) ?? .get, on: Validators(entityTag: tag)) {
        case .proceed: return APIResponse(status: 200, headers: [("Content-Type", contentType)] + kept, body: .bytes(bytes))
        case .notModified:
            var response = APIResponse(status: 304, headers: kept, body: .bytes([]))
            if bytes.count >= Limits.compressBytesMin { response.vary("Accept-Encoding") }
            return response
        case .failed: throw APIError(.validationError, status: 412, "The document is not in the state that the request names.")
        }
    }

    /// Compresses text that is long enough, for a client that takes it; never an event stream, which must not wait for zlib.
    func compress(_ response: inout APIResponse, for request: APIRequest) async {
        guard case .bytes(let bytes) = response.body, bytes.count >= Limits.compressBytesMin, response.header("Content-Encoding") == nil,
            let type = response.header("Content-Type"), type.hasPrefix("application/json") || type.hasPrefix("text/")
        else { return }
        response.vary("Accept-Encoding")
        guard ContentCoding.negotiate(request.headers) == .gzip, let coded = await Gzip.encode(bytes) else { return }
        response.body = .bytes(coded)
        response.headers.append(("Content-Encoding", "gzip"))
    }

    /// A failure as clients of that path read it, with its headers.
    package static func failure(_ error: APIError, requestID: String, path: String = "") -> APIResponse {
        APIResponse(
            status: error.status, headers: [("Content-Type", "application/json")] + error.headers,
            body: .bytes(ErrorShape(path: path).bytes(error, requestID: requestID)))
    }
}
