internal import Registry

extension EgressURL {
    /// The URL that a `Location` names, seen from this one (RFC 3986 section 5.2, RFC 9110 section 10.2.2).
    ///
    /// The result is put together as text and read by the one parser. A fragment is cut off, because it is the reader's and never sent; `.` and `..` are
    /// not resolved but refused, as everywhere.
    func resolve(_ location: String) throws(EgressRefusal) -> EgressURL {
        let bytes = Array(location.utf8)
        guard bytes.count <= Limits.urlBytesMax else { throw .urlTooLong }
        let reference = bytes.prefix { $0 != UInt8(ascii: "#") }
        // The fragment is not sent, but what no URL may hold is refused wherever it stands.
        if let refusal = bytes.lazy.compactMap(EgressURL.refusal(ofByte:)).first { throw refusal }
        return try EgressURL(absolute(String(decoding: reference, as: UTF8.self)))
    }

    private func absolute(_ reference: String) -> String {
        let origin = "\(scheme.rawValue)://\(authority)"
        if reference.isEmpty { return description }
        if reference.hasPrefix("//") { return "\(scheme.rawValue):\(reference)" }
        if reference.hasPrefix("/") { return origin + reference }
        if reference.hasPrefix("?") { return origin + path + reference }
        // A colon before any slash or question mark ends a scheme (section 4.2), whichever it is.
        let first = reference.utf8.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
        if first.contains(UInt8(ascii: ":")) { return reference }
        let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path[...$0] } ?? "/"
        return origin + folder + reference
    }
}
