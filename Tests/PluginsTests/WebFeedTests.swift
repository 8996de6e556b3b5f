import JSON
import LimenPlugin
import Testing

@testable import WebPlugin

private func read(_ xml: String, items: Int = 50, charset: String? = nil) throws -> Feed { try read(Array(xml.utf8), items: items, charset: charset) }

private func read(_ bytes: [UInt8], items: Int = 50, charset: String? = nil) throws -> Feed {
    try FeedReader.read(bytes, charset: charset, at: #require(WebURL("https://example.org/blog/feed.xml")), itemsMax: items)
}

private func refusal(_ xml: String) -> PluginError {
    do {
        _ = try read(xml)
        return PluginError("none", "")
    } catch { return error as? PluginError ?? PluginError("other", "\(error)") }
}

@Suite(.timeLimit(.minutes(5))) struct WebFeedTests {
    @Test("RSS 2.0 as sites write it: CDATA, escaped HTML, dates of RFC 822, guids, creators, extensions")
    func rss() throws {
        let feed = try read(
            """

            <?xml version="1.0" encoding="UTF-8"?>
            <rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/"
              xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:media="http://search.yahoo.com/mrss/">
            <channel><title>News &amp;amp; more</title><atom:link href="https://example.org/feed" rel="self"/><link>https://example.org/</link>
            <description>d</description><image><title>Logo</title><link>https://example.org/logo</link></image>
            <item><title><![CDATA[A <b>bold</b> claim]]></title><link>/posts/1</link><guid isPermaLink="false">tag:1</guid>
              <pubDate>Sat, 21 Nov 2026 10:05:09 +0100</pubDate><dc:creator><![CDATA[Ada]]></dc:creator><author>bob@example.org (Bob B)</author>
              <description>&lt;p&gt;First&lt;/p&gt;&lt;p&gt;Second &amp;eacute;&lt;script&gt;x()&lt;/script&gt;</description>
              <content:encoded><![CDATA[<p>Long</p>]]></content:encoded><media:title>no</media:title><enclosure url="x" length="1" type="a/b"/></item>
            <item><guid>https://example.org/posts/2</guid><pubDate>1 Dec 99 8:00 EST</pubDate><content:encoded><![CDATA[<p>Only</p>]]></content:encoded></item>
            <item><title>3 &lt; 4</title><pubDate>yesterday</pubDate></item>
            </channel></rss>
            """)
        #expect(feed.format == .rss2 && feed.title == "News & more" && feed.link == "https://example.org/" && !feed.isTruncated)
        #expect(
            feed.items == [
                Feed.Item(
                    title: "A bold claim", link: "https://example.org/posts/1", id: "tag:1", published: "2026-11-21T10:05:09+01:00",
                    summary: "First\n\nSecond é", authors: ["Ada", "Bob B"]),
                Feed.Item(
                    title: "", link: "https://example.org/posts/2", id: "https://example.org/posts/2", published: "1999-12-01T08:00:00-05:00",
                    summary: "Only"),
                Feed.Item(title: "3 < 4"),
            ], "\(feed.items)")
    }

    @Test("RSS 1.0, where items stand beside the channel")
    func rdf() throws {
        let feed = try read(
            """
            <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
            <channel rdf:about="https://example.org/"><title>Channel</title><link>https://example.org/</link>
            <items><rdf:Seq><rdf:li resource="https://example.org/1"/></rdf:Seq></items></channel>
            <item rdf:about="https://example.org/1"><title>One</title><link>https://example.org/1</link><description>Text</description>
            <dc:date>2026-11-21T10:00Z</dc:date><dc:creator>Ada</dc:creator></item></rdf:RDF>
            """)
        #expect(feed.format == .rss1 && feed.title == "Channel")
        #expect(
            feed.items == [
                Feed.Item(
                    title: "One", link: "https://example.org/1", id: "https://example.org/1", published: "2026-11-21T10:00:00Z", summary: "Text",
                    authors: ["Ada"])
            ], "\(feed.items)")
    }

    @Test("Atom: kinds of links, text, html and xhtml, several authors, published before updated")
    func atom() throws {
        let feed = try read(
            """
            <?xml version='1.0'?><feed xmlns="http://www.w3.org/2005/Atom"><title type="html">A &amp;amp; B</title>
            <link rel="self" href="/feed.xml"/><link href="../"/><id>urn:feed</id><updated>2026-01-01T00:00:00Z</updated><author><name>Feed</name></author>
            <entry><title>5 &lt; 6 &amp;amp; so</title><link rel="enclosure" href="/x.mp3"/><link rel="alternate" href="e1"/><id>urn:e1</id>
            <published>2026-11-21T10:00:00.5+01:00</published><updated>2026-11-22T00:00:00Z</updated>
            <author><name>Ada</name><email>a@b.c</email></author><author><name>Bob</name></author>
            <summary type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>One</p><p>Two</p></div></summary><content src="https://evil.example/x"/></entry>
            <entry><title>E2</title><id>urn:e2</id><updated>2026-11-22T00:00:00Z</updated><content type="html">&lt;h1&gt;T&lt;/h1&gt;</content></entry>
            </feed>
            """)
        #expect(feed.format == .atom && feed.title == "A & B" && feed.link == "https://example.org/")
        #expect(
            feed.items == [
                Feed.Item(
                    title: "5 < 6 &amp; so", link: "https://example.org/blog/e1", id: "urn:e1", published: "2026-11-21T10:00:00.5+01:00",
                    summary: "One Two", authors: ["Ada", "Bob"]),
                Feed.Item(title: "E2", id: "urn:e2", published: "2026-11-22T00:00:00Z", summary: "# T"),
            ], "\(feed.items)")
    }

    @Test("encodings by the header, else by the document; windows-1252 is read, others are refused")
    func encodings() throws {
        let head = "<rss><channel><title>caf"
        let tail = "</title></channel></rss>"
        func bytes(_ declaration: String) -> [UInt8] { Array((declaration + head).utf8) + [0xe9] + Array(tail.utf8) }
        #expect(try read(bytes("<?xml version='1.0' encoding='windows-1252'?>")).title == "café")
        #expect(try read(bytes("<?xml version='1.0' encoding='ISO-8859-1'?>")).title == "café")
        #expect(try read(bytes(""), charset: "latin1").title == "café")
        #expect(try read("<?xml version='1.0' encoding='ISO-8859-1'?>\(head)é\(tail)", charset: "utf-8").title == "café")
        #expect(refusal("<?xml version='1.0' encoding='Shift_JIS'?><rss/>").code == "unsupported_charset")
    }

    @Test("entities are never declared, expanded or fetched: bombs and outside files are refused at their declaration, at once")
    func entities() {
        var laughs = "<!DOCTYPE lolz [<!ENTITY lol \"lol\">"
        for level in 1...9 { laughs += "<!ENTITY lol\(level) \"" + String(repeating: "&lol\(level == 1 ? "" : "\(level - 1)");", count: 10) + "\">" }
        let attacks = [
            laughs + "]><rss><channel><title>&lol9;</title></channel></rss>",
            "<!DOCTYPE r [<!ENTITY a \"" + String(repeating: "x", count: 50_000) + "\">]><rss><channel><title>&a;&a;</title></channel></rss>",
            "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><rss><channel><title>&x;</title></channel></rss>",
            "<!DOCTYPE r [<!ENTITY % p SYSTEM \"http://127.0.0.1/x.dtd\">%p;]><rss/>", "<!DOCTYPE r []><rss/>",
            "<!DOCTYPE r [<!ATTLIST rss a CDATA \"x\">]><rss/>",
        ]
        for attack in attacks {
            let error = refusal(attack)
            #expect(error.code == "not_parsed" && error.message.contains("never read"), "\(attack.prefix(60)): \(error)")
        }
        #expect(refusal("<rss><channel><title>&nbsp;</title></channel></rss>").code == "not_parsed")
    }

    @Test("an old document type without declarations of its own is not looked for, and does not matter")
    func oldDoctype() throws {
        let old =
            "<!DOCTYPE rss PUBLIC \"-//Netscape//DTD RSS 0.91//EN\" \"http://127.0.0.1:1/rss.dtd\"><rss><channel><title>Old</title></channel></rss>"
        #expect(try read(old).title == "Old")
    }

    @Test("what is no feed, is cut off, too deep, too wide or too long is refused with the place or the limit")
    func refusals() {
        #expect(refusal("<html/>").message.contains("<html>") && refusal("<html/>").code == "not_a_feed")
        #expect(refusal("").code == "not_parsed" && refusal("{}").code == "not_parsed")
        let cut = refusal("<rss><channel>\n<item><title>a")
        #expect(cut.code == "not_parsed" && cut.details["line"] == 2, "\(cut)")
        #expect(refusal("<rss>" + String(repeating: "<a>", count: 100)).code == "too_deep")
        #expect(refusal("<rss><channel>" + String(repeating: "<a/>", count: 200_001)).code == "too_large")
        let long = "<item><description>" + String(repeating: "x", count: 60_000) + "</description></item>"
        #expect(refusal("<rss><channel>" + String(repeating: long, count: 49) + "</channel></rss>").code == "too_large")
        #expect(refusal(String(repeating: " ", count: (4 << 20) + 1)).code == "too_large")
    }

    @Test("items end at what was asked for, and what comes behind them is not read")
    func itemsMax() throws {
        let item = "<item><title>t</title></item>"
        #expect(try read("<rss><channel>" + String(repeating: item, count: 3) + "</channel></rss>", items: 3).isTruncated == false)
        let feed = try read("<rss><channel>" + String(repeating: item, count: 3) + "<broken", items: 2)
        #expect(feed.items.count == 2 && feed.isTruncated)
    }

    @Test("a long summary is cut, and a field longer than its bound keeps its beginning")
    func long() throws {
        let feed = try read("<rss><channel><item><description>" + String(repeating: "é ", count: 100_000) + "</description></item></channel></rss>")
        #expect(feed.items[0].summary.unicodeScalars.count == 2_000)
    }

    @Test("a cancelled call ends between two pieces")
    func cancelled() throws {
        let url = try #require(WebURL("https://example.org/"))
        #expect(throws: CancellationError.self) {
            try FeedReader.read(Array("<rss/>".utf8), charset: nil, at: url, itemsMax: 1) { throw CancellationError() }
        }
    }

    @Test(
        "dates of feeds become RFC 3339",
        arguments: [
            ("Sat, 21 Nov 2026 10:00:00 GMT", "2026-11-21T10:00:00Z"), ("21 Nov 2026 10:00:00 -0330", "2026-11-21T10:00:00-03:30"),
            ("Saturday, 21 November 2026 10:00 PDT", "2026-11-21T10:00:00-07:00"), ("1 Jan 70 00:00:00", "1970-01-01T00:00:00Z"),
            ("2026-11-21", "2026-11-21T00:00:00Z"), ("2026-11-21T10:00:00", "2026-11-21T10:00:00Z"),
            ("2026-11-21T10:00+02:00", "2026-11-21T10:00:00+02:00"),
            ("Sat, 21 Nov 2026 10:00:60 Z", "2026-11-21T10:00:59Z"), ("32 Nov 2026 10:00:00 GMT", nil), ("21 Foo 2026 10:00:00 GMT", nil), ("", nil),
            ("T:", nil), ("21 Nov 99999999999999999999 10:00 GMT", nil), ("1 Jan 2026 -1:00 GMT", nil), ("2026-11-21T", nil),
            ("1 Jan 2026 1:1:1 +9999", nil),
        ] as [(String, String?)])
    func dates(_ text: String, _ expected: String?) { #expect(FeedDate.rfc3339(text) == expected) }
}
