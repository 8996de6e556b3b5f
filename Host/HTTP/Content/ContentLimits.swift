/// The bounds of what is read from fields and bodies about content.
package enum ContentLimits {
    /// Tags of one If-Match or If-None-Match; more and it counts as malformed.
    static let entityTagsMax = 64
    /// Ranges of one request; more and the whole is sent.
    package static let rangesMax = 8
    /// Bytes of a Range field; a longer one is ignored.
    static let rangeBytesMax = 512
    /// Bytes of all Accept-Encoding fields; more are ignored.
    static let acceptEncodingBytesMax = 1024
    /// Codings of Accept-Encoding that are looked at.
    static let codingsMax = 32
    /// Bytes that are compressed before the other tasks of the loop get a turn; at zlib's slowest some 20 ms.
    static let compressBytes = 128 * 1024
    /// Bytes taken from zlib at a time.
    static let deflateBytes = 16 * 1024
    /// Bytes that a reply's body is decompressed to at a time.
    package static let inflateBytes = 32 * 1024
    /// Bytes of a decompressed body from which on its growth is looked at.
    static let inflateFreeBytes = 1 << 20
    /// How many times longer than what came a body may be; deflate's own bound is 1032, honest text stays below a hundred.
    static let inflateRatioMax = 256
    /// Members of one gzip body.
    static let gzipMembersMax = 64
    /// Characters of a multipart boundary (RFC 2046, 5.1.1).
    package static let boundaryBytesMax = 70
    /// Bytes of a part's Content-Type.
    static let partTypeBytesMax = 255
    /// Bytes of a Content-Type that is searched for a boundary.
    static let contentTypeBytesMax = 512
    /// Bytes of a part that are gathered before they are written to its file.
    static let spoolBytes = 256 * 1024
}
