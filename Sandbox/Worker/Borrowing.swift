import PluginABI
import WorkerProtocol

extension limen_bytes {
    /// Lends Swift bytes to C for the length of `body`.
    static func lend<R>(_ bytes: [UInt8], _ body: (limen_bytes) -> R) -> R {
        bytes.withUnsafeBufferPointer { body(limen_bytes(data: $0.baseAddress, length: $0.count)) }
    }

    /// Lends a string's UTF-8 to C for the length of `body`.
    static func lend<R>(_ text: String, _ body: (limen_bytes) -> R) -> R {
        var text = text
        return text.withUTF8 { body(limen_bytes(data: $0.baseAddress, length: $0.count)) }
    }

    /// The bytes as UTF-8 text; what is not UTF-8 is replaced.
    var text: String { String(decoding: Array(self), as: UTF8.self) }
}

extension Array where Element == UInt8 {
    /// Copies what C lent.
    init(_ bytes: limen_bytes) { self = Array(UnsafeBufferPointer(start: bytes.data, count: bytes.data == nil ? 0 : bytes.length)) }
}

extension CallPayload {
    /// Lends the call to C as a `limen_request`.
    func withRequest(_ body: (UnsafePointer<limen_request>) -> Void) {
        limen_bytes.lend(tool) { tool in
            limen_bytes.lend(input) { input in
                limen_bytes.lend(requestID) { requestID in
                    limen_bytes.lend(traceparent) { traceparent in
                        withAttachments(attachments[...], []) { attached in
                            var request = limen_request(
                                size: UInt32(MemoryLayout<limen_request>.size), attachment_count: UInt32(attached.count), tool: tool, input: input,
                                request_id: requestID, attachments: attached.baseAddress, traceparent: traceparent)
                            body(&request)
                        }
                    }
                }
            }
        }
    }

    private func withAttachments(
        _ rest: ArraySlice<Attachment>, _ lent: [limen_attachment], _ body: (UnsafeBufferPointer<limen_attachment>) -> Void
    ) {
        guard let first = rest.first else { return lent.withUnsafeBufferPointer(body) }
        limen_bytes.lend(first.name) { name in
            limen_bytes.lend(first.contentType) { type in
                limen_bytes.lend(first.data) { data in
                    withAttachments(rest.dropFirst(), lent + [limen_attachment(name: name, content_type: type, data: data)], body)
                }
            }
        }
    }
}

extension FetchReplyPayload {
    /// Lends the reply to C as a `limen_response`.
    func withResponse(_ body: (UnsafePointer<limen_response>) -> Void) {
        limen_bytes.lend(headers) { headers in
            limen_bytes.lend(self.body) { content in
                limen_bytes.lend(errorCode) { code in
                    limen_bytes.lend(errorMessage) { message in
                        var response = limen_response(
                            size: UInt32(MemoryLayout<limen_response>.size), status: status, headers: headers, body: content, error_code: code,
                            error_message: message)
                        body(&response)
                    }
                }
            }
        }
    }
}

extension KeyValueReplyPayload {
    /// Lends the reply to C as a `limen_kv_result`.
    func withResult(_ body: (UnsafePointer<limen_kv_result>) -> Void) {
        limen_bytes.lend(value) { value in
            limen_bytes.lend(errorCode) { code in
                limen_bytes.lend(errorMessage) { message in
                    var result = limen_kv_result(
                        size: UInt32(MemoryLayout<limen_kv_result>.size), found: found ? 1 : 0, value: value, error_code: code,
                        error_message: message)
                    body(&result)
                }
            }
        }
    }
}
