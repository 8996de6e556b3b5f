internal import WebPlugin

/// Any bytes as a page: its text keeps to the limit, holds no control, and every link is absolute and of the web, and reads the same again.
func checkPage(_ bytes: [UInt8]) {
    guard let first = bytes.first, let url = WebURL("https://example.org/a/b?c") else { return }
    let charactersMax = Int(first) * 8 + 1
    // A refusal is a fine answer.
    guard let text = try? Charset.decode(Array(bytes[1...]), declared: first & 1 == 0 ? "utf-8" : nil, findsMeta: true),
        let page = try? PageReader.read(Array(text.utf8), at: url, charactersMax: charactersMax)
    else { return }
    precondition(page.text.unicodeScalars.count <= charactersMax, "more text than was asked for")
    precondition(page.text.unicodeScalars.allSatisfy { $0.value >= 32 || $0 == "\n" || $0 == "\t" }, "a control in the text")
    precondition(!page.text.contains("\u{202e}") && page.title?.isEmpty != true, "what a reader must not get")
    for link in page.links { checkLink(link.url) }
}

/// Any bytes as a feed.
func checkFeed(_ bytes: [UInt8]) {
    guard let url = WebURL("https://example.org/a/feed.xml") else { return }
    // A refusal is a fine answer.
    guard let feed = try? FeedReader.read(bytes, charset: nil, at: url, itemsMax: 4) else { return }
    precondition(feed.items.count <= 4, "more items than were asked for")
    if let link = feed.link { checkLink(link) }
    for item in feed.items {
        precondition(item.summary.unicodeScalars.count <= 2_000 && item.authors.count <= 20, "an item over its limits")
        if let link = item.link { checkLink(link) }
        if let moment = item.published { precondition(FeedDate.rfc3339(moment) == moment, "\(moment) is another moment when it is read again") }
    }
}

private func checkLink(_ text: String) {
    guard let url = WebURL(text) else { preconditionFailure("\(text) is no URL") }
    precondition(["http", "https"].contains(url.scheme) && url.description == text, "\(text) means something else when it is read again")
    precondition(text.utf8.allSatisfy { (0x21...0x7e).contains($0) } && !text.contains("#"), "\(text) holds what no URL has")
}
