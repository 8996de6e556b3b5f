package import JSON

/// The one shape of every JSON reply.
package enum Envelope {
    /// `{"status":"ok","data":…,"request_id":…}`
    package static func success(_ data: JSONValue, requestID: String) -> [UInt8] {
        success(bytes: data.serialized(), requestID: requestID)
    }

    /// The same around data that is JSON already: the fast path copies it once.
    package static func success(bytes data: [UInt8], requestID: String) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(data.count + requestID.utf8.count + 48)
        output.append(contentsOf: #"{"status":"ok","data":"#.utf8)
        output.append(contentsOf: data)
        output.append(contentsOf: #","request_id":"#.utf8)
        output.append(contentsOf: JSONValue.string(requestID).serialized())
        output.append(UInt8(ascii: "}"))
        return output
    }

    /// `{"status":"error","error":{code, message, details},"request_id":…}`
    package static func failure(_ error: APIError, requestID: String) -> [UInt8] {
        let value: JSONValue = ["status": "error", "error": error.json, "request_id": .string(requestID)]
        return value.serialized()
    }

    /// The schema of a success around `data`.
    package static func schema(_ data: JSONValue) -> JSONValue {
        [
            "type": "object", "required": ["status", "data", "request_id"],
            "properties": ["status": ["const": "ok"], "data": data, "request_id": Schemas.requestID],
        ]
    }

    /// The schema of every failure.
    package static let failureSchema: JSONValue = [
        "type": "object", "required": ["status", "error", "request_id"],
        "properties": [
            "status": ["const": "error"], "request_id": Schemas.requestID,
            "error": [
                "type": "object", "required": ["code", "message", "details"],
                "properties": [
                    "code": ["enum": .array(ErrorCode.allCases.map { .string($0.rawValue) })],
                    "message": ["type": "string"], "details": ["type": "object"],
                ],
            ],
        ],
    ]
}
