/// The methods of RFC 9110 and RFC 5789; others are answered with 501.
package enum HTTPMethod: String, Sendable, Hashable, CaseIterable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
    case options = "OPTIONS"
    case trace = "TRACE"
    case connect = "CONNECT"

    /// The method of these bytes, nil for an unknown one; methods are case-sensitive.
    init?(_ bytes: UnsafeBufferPointer<UInt8>) {
        switch bytes.count {
        case 3 where bytes[0] == 0x47 && bytes[1] == 0x45 && bytes[2] == 0x54: self = .get
        case 4 where bytes[0] == 0x50 && bytes[1] == 0x4f && bytes[2] == 0x53 && bytes[3] == 0x54: self = .post
        default:
            guard bytes.count <= 7 else { return nil }
            self.init(rawValue: String(decoding: bytes, as: UTF8.self))
        }
    }
}
