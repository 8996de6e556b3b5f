public import LimenPlugin

/// Reads pages and feeds of the hosts that the operator granted.
public let webPlugin = Plugin(name: "web", version: "1.0.0", tools: [FetchTool(), FeedTool()])

/// Every bound of the plugin in one place.
enum Limits {
    static let urlBytesMax = 4_096
    /// Redirects of one request.
    static let redirectsMax = 5
    /// Bytes of a page or feed; the manifest's `max_response_bytes` is the same.
    static let bodyBytesMax = 4 << 20
    /// Start tags of a page, which bound the depth and the size of the tree.
    static let tagsMax = 200_000
    /// Characters of text that a caller may want.
    static let charactersMax = 500_000
    static let linksMax = 500
    static let titleCharactersMax = 500
    static let linkTextCharactersMax = 300
    /// Bytes of a page in which `meta` may name its encoding (HTML 13.2.3.2).
    static let prescanBytesMax = 1_024
    /// Lists inside lists that are still indented.
    static let indentationMax = 8

    static let feedDepthMax = 64
    static let feedElementsMax = 200_000
    static let feedItemsMax = 500
    /// Bytes kept of one element of a feed.
    static let feedFieldBytesMax = 64 << 10
    /// Bytes kept of all items together.
    static let feedBytesMax = 2 << 20
    static let feedSummaryCharactersMax = 2_000
    static let feedAuthorsMax = 20
    static let feedNameCharactersMax = 200
    /// Bytes given to the XML parser at once; between them a cancelled call ends.
    static let feedStepBytes = 64 << 10
}
