/// A binary attachment beside a JSON payload.
package struct Attachment: Sendable, Equatable {
    package var name: String
    package var contentType: String
    package var data: [UInt8]

    package init(name: String, contentType: String, data: [UInt8]) {
        self.name = name
        self.contentType = contentType
        self.data = data
    }

    /// The most attachments that one call or result may carry.
    package static let countMax = 16
}

/// The payload of `call`: `u64` deadline (nanoseconds, CLOCK_MONOTONIC), `u16` tool and request-id lengths, `u32` input
/// length, `u16` attachments, `u16` trace length, then tool, request id, trace, input and attachments.
package struct CallPayload: Sendable, Equatable {
    package var deadlineNanoseconds: UInt64
    package var tool: String
    package var requestID: String
    /// W3C trace context, or empty.
    package var traceparent: String
    package var input: [UInt8]
    package var attachments: [Attachment]

    package init(
        deadlineNanoseconds: UInt64, tool: String, requestID: String, traceparent: String = "", input: [UInt8], attachments: [Attachment] = []
    ) {
        self.deadlineNanoseconds = deadlineNanoseconds
        self.tool = tool
        self.requestID = requestID
        self.traceparent = traceparent
        self.input = input
        self.attachments = attachments
    }

    /// The payload's bytes.
    package func encoded() -> [UInt8] { Array(frame(callID: 0)[FrameHeader.size...]) }

    /// The whole `call` frame in one buffer, so that it leaves with one write.
    package func frame(callID: UInt64) -> [UInt8] {
        let attached = attachments.reduce(0) { $0 + $1.encodedSize }
        let length = 20 + tool.utf8.count + requestID.utf8.count + traceparent.utf8.count + input.count + attached
        var writer = ByteWriter(capacity: FrameHeader.size + length)
        writer.write(header: FrameHeader(type: .call, callID: callID, payloadLength: length))
        writer.write(deadlineNanoseconds)
        writer.write(UInt16(tool.utf8.count))
        writer.write(UInt16(requestID.utf8.count))
        writer.write(UInt32(input.count))
        writer.write(UInt16(attachments.count))
        writer.write(UInt16(traceparent.utf8.count))
        writer.write(contentsOf: tool.utf8)
        writer.write(contentsOf: requestID.utf8)
        writer.write(contentsOf: traceparent.utf8)
        writer.write(contentsOf: input)
        for attachment in attachments { writer.write(attachment) }
        return writer.bytes
    }

    /// Reads a payload.
    /// - Throws: `MalformedPayload`.
    package init(decoding payload: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(payload)
        deadlineNanoseconds = try reader.read("deadline")
        let toolLength: UInt16 = try reader.read("tool length")
        let requestIDLength: UInt16 = try reader.read("request id length")
        let inputLength: UInt32 = try reader.read("input length")
        let count: UInt16 = try reader.read("attachment count")
        let traceLength: UInt16 = try reader.read("trace length")
        tool = try ByteReader.text(reader.read(count: Int(toolLength), "tool"), "tool")
        requestID = try ByteReader.text(reader.read(count: Int(requestIDLength), "request id"), "request id")
        traceparent = try ByteReader.text(reader.read(count: Int(traceLength), "trace"), "trace")
        input = Array(try reader.read(count: Int(inputLength), "input"))
        attachments = try reader.readAttachments(Int(count))
        try reader.finish()
    }
}

/// The payload of `result`: `u32` output length, `u16` attachments, `u16` zero, output JSON, attachments.
package struct ResultPayload: Sendable, Equatable {
    package var output: [UInt8]
    package var attachments: [Attachment]

    package init(output: [UInt8], attachments: [Attachment] = []) {
        self.output = output
        self.attachments = attachments
    }

    /// The payload's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 8 + output.count)
        writer.write(UInt32(output.count))
        writer.write(UInt16(attachments.count))
        writer.write(UInt16(0))
        writer.write(contentsOf: output)
        for attachment in attachments { writer.write(attachment) }
        return writer.bytes
    }

    /// Reads a payload.
    /// - Throws: `MalformedPayload`.
    package init(decoding payload: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(payload)
        let length: UInt32 = try reader.read("output length")
        let count: UInt16 = try reader.read("attachment count")
        try reader.readZero("reserved")
        output = Array(try reader.read(count: Int(length), "output"))
        attachments = try reader.readAttachments(Int(count))
        try reader.finish()
    }
}

/// The payload of `failure`: counted code, message and details (JSON object, or empty).
package struct FailurePayload: Sendable, Equatable {
    package var code: String
    package var message: String
    package var details: [UInt8]

    package init(code: String, message: String, details: [UInt8] = []) {
        self.code = code
        self.message = message
        self.details = details
    }

    /// The payload's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(counted: code)
        writer.write(counted: message)
        writer.write(counted: details)
        return writer.bytes
    }

    /// Reads a payload.
    /// - Throws: `MalformedPayload`.
    package init(decoding payload: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(payload)
        code = try reader.readText("code")
        message = try reader.readText("message")
        details = Array(try reader.readCounted("details"))
        try reader.finish()
    }
}

extension Attachment {
    fileprivate var encodedSize: Int { 12 + name.utf8.count + contentType.utf8.count + data.count }
}

extension ByteWriter {
    fileprivate mutating func write(_ attachment: Attachment) {
        write(counted: attachment.name)
        write(counted: attachment.contentType)
        write(counted: attachment.data)
    }
}

extension ByteReader {
    fileprivate mutating func readAttachments(_ count: Int) throws(MalformedPayload) -> [Attachment] {
        guard count <= Attachment.countMax else { throw MalformedPayload("attachment count") }
        var attachments: [Attachment] = []
        for _ in 0..<count {
            let name = try readText("attachment name")
            let contentType = try readText("attachment type")
            attachments.append(Attachment(name: name, contentType: contentType, data: Array(try readCounted("attachment data"))))
        }
        return attachments
    }
}
