import Glibc
import JSON
import LimenPlugin
import PluginHarness
import Testing

@testable import WebPlugin

private let here = WebURL("https://example.org/a/page.html?q=1")

private func read(_ html: String, max: Int = 50_000) throws -> Page {
    try PageReader.read(Array(html.utf8), at: #require(here), charactersMax: max)
}

private func refusal(_ body: () throws -> Void) -> String {
    do {
        try body()
        return ""
    } catch { return (error as? PluginError)?.code ?? "\(error)" }
}

@Suite(.timeLimit(.minutes(5))) struct WebPageTests {
    @Test("an article is read as text with its title, headings, lists, quotes, tables and links, without the frame around it")
    func article() throws {
        let page = try read(
            """
            <!DOCTYPE html><html lang=en><head><meta charset=utf-8><title>Bees &amp; flowers
              — The Garden</title><style>p{color:red}</style><script>var a="<p>no</p>"</script><link rel=stylesheet href=x></head>
            <body class=x><a href="#main" class=skip>Skip to content</a>
            <header><nav><ul><li><a href=/>Home</a><li><a href=/about>About</a></ul></nav></header>
            <main id=main><article><h1>Bees</h1><p>The  honey&nbsp;bee is&#8230; a <b>fly</b>ing <a href="../insect">insect</a>.
            <p hidden>Secret</p><p>Second<br>line<!-- no --></p>
            <h2>Kinds</h2><ul><li>Honey bee<li>Others <ol start=3><li>Mason<li>Carpenter</ol></ul>
            <blockquote><p>To be</p></blockquote>
            <pre>  let a = 1
              b</pre>
            <table><tr><th>Name<th>Size</tr><tr><td>Apis<td>12&nbsp;mm</tr></table>
            <p style="display: none">Trap</p><div aria-hidden=true>Icon</div><form><input value=x><button>Go</button></form>
            <footer>Written by Ada</footer></article></main>
            <aside>Advertisement</aside><footer>© 2026 <a href=/imprint>Imprint</a></footer><script>track()</script></body></html>
            """)
        #expect(page.title == "Bees & flowers — The Garden")
        #expect(
            page.text == """
                # Bees

                The honey bee is… a flying insect.

                Second
                line

                ## Kinds

                - Honey bee
                - Others
                  3. Mason
                  4. Carpenter

                > To be

                  let a = 1
                  b

                Name | Size
                Apis | 12 mm

                Written by Ada
                """, "\(page.text)")
        #expect(page.links == [Page.Link(text: "insect", url: "https://example.org/insect")])
        #expect(!page.isTruncated)
    }

    @Test("broken markup reads as browsers read it")
    func broken() throws {
        #expect(try read("<p>one<p>two<b>three</p>four</b> five").text == "one\n\ntwothree\n\nfour five")
        #expect(try read("a &lt b &amp;amp; &copy &#x41; &#0; &bogus;").text.hasPrefix("a < b &amp; © A"))
        #expect(try read("<li>a<li>b</ul></div></p>c").text.contains("- a\n- b"))
        #expect(try read("<div><table><tr><td>x<table><tr><td>y</table>z</table>").text == "x\ny\nz")
        #expect(try read("<title>t</title><p>a<script>b</p>").text == "a")
        #expect(try read("<a href=/x>one<a href=/y>two").links.map(\.url) == ["https://example.org/x", "https://example.org/y"])
        #expect(try read("").text == "" && read("<!---->").title == nil)
        #expect(try read("<svg><title>no</title></svg><p>x").title == nil)
    }

    @Test("tables that lay a page out leave no trail of bars, and cells keep to their rows")
    func tables() throws {
        #expect(try read("<table><tr><td></td><td><img src=x></td><td>text</td></tr></table>").text == "text")
        #expect(try read("<table><tr><td>a</td><td>b</td><td>c</td></tr><tr><td>d</td></tr></table>").text == "a | b | c\nd")
        let nested = String(repeating: "<table><tr><td>", count: 200) + "deep"
        #expect(try read(nested).text == "deep")
    }

    @Test("where a page fills its main content by scripts, the rest is read")
    func emptyMain() throws {
        #expect(try read("<main><div id=app></div></main><p>Turn scripts on.").text == "Turn scripts on.")
        #expect(try read("<div role=main>in</div><p>out").text == "in")
    }

    @Test("links are absolute, follow base href, and are only http and https")
    func links() throws {
        let html = """
            <base href="/docs/"><base href=/no/><a href=a.html>A</a><a href="./b/../c?x=1#y">C</a><a href="//cdn.example/z">Z</a><a href="?k=v">K</a>
            <a href="javascript:alert(1)">J</a><a href="mailto:x@y.z">M</a><a href="data:text/html,x">D</a><a href="HTTPS://Up.Example/Ü x">U</a>
            <a href="  /s
            p ">S</a><a href=/i><img alt="Logo" src=l></a><a name=here>N</a><a href="http://">E</a>
            """
        let page = try read(html)
        #expect(
            page.links == [
                Page.Link(text: "A", url: "https://example.org/docs/a.html"), Page.Link(text: "C", url: "https://example.org/docs/c?x=1"),
                Page.Link(text: "Z", url: "https://cdn.example/z"), Page.Link(text: "K", url: "https://example.org/docs/?k=v"),
                Page.Link(text: "U", url: "https://up.example/%C3%9C%20x"), Page.Link(text: "S", url: "https://example.org/sp"),
                Page.Link(text: "Logo", url: "https://example.org/i"),
            ], "\(page.links)")
        #expect(try read("<a href='#top'>Top</a><a href='?q=1#x'>Same</a>").links == [])
    }

    @Test("text and links end at their limits and say so", arguments: [1, 10, 999])
    func limits(_ count: Int) throws {
        let page = try read(String(repeating: "<p>wörd</p>", count: 5_000), max: count)
        #expect(page.text.unicodeScalars.count == count && page.isTruncated)
        let many = try read(String(repeating: "<a href=/x>x</a> <a href=/y>y</a> ", count: 400))
        #expect(many.links.count == 500 && many.isTruncated)
        #expect(try read("abc", max: 3).isTruncated == false)
    }

    @Test("no control, soft hyphen or direction override comes through")
    func controls() throws {
        let text = try read("a\u{1}b\u{ad}c\u{202e}d\u{200b}e\u{feff}f&#x81;g").text
        // The parser itself writes the first as a replacement character.
        #expect(text == "a\u{fffd}bcdefg", "\(text)")
        #expect(try read("user\u{202e}gpj.exe").text == "usergpj.exe")
        #expect(try read("<pre>a\tb\u{202e}c\n d</pre>").text == "a\tbc\n d")
    }

    @Test(
        "deep, wide and long pages end with an answer or a clear refusal",
        arguments: [
            "<b>", "<div>", "<table><td>", "<a href=x>", "<p>", "<svg>", "<!--", "<font a=b>", "</", "<li>", "<ul><li>", "<nobr>", "&amp;", "<b a='",
            "<main>", "<h1>", "<pre>", "<blockquote>",
        ])
    func bombs(_ unit: String) throws {
        let html = String(repeating: unit, count: 60_000 / unit.utf8.count) + "end"
        do { #expect(try read(html).text.utf8.count <= 200_000) } catch let error as PluginError { #expect(error.code == "too_large") }
        #expect(refusal { _ = try read(String(repeating: "<i>", count: 200_001)) } == "too_large")
    }

    @Test("a megabyte of page is read whole")
    func large() throws {
        let html = String(repeating: "<p>Some <b>text</b> with <a href=\"https://example.org\">links</a>.</p>\n", count: 14_000)
        #expect(try read(html, max: 500_000).text.utf8.count == 14_000 * 23 - 2)
    }

    @Test("encodings: the mark, the header, the page, else UTF-8 if it is any, else windows-1252; others are named in the refusal")
    func encodings() throws {
        let euro: [UInt8] = Array("caf".utf8) + [0xe9, 0x20, 0x80]
        #expect(try Charset.decode(euro, declared: "ISO-8859-1", findsMeta: false) == "café €")
        #expect(try Charset.decode(euro, declared: nil, findsMeta: false) == "café €")
        #expect(try Charset.decode(Array("café".utf8), declared: nil, findsMeta: false) == "café")
        #expect(try Charset.decode([0xef, 0xbb, 0xbf] + Array("é".utf8), declared: "latin1", findsMeta: false) == "é")
        #expect(try Charset.decode(Array("<meta charset='windows-1252'>".utf8) + [0xe9], declared: nil, findsMeta: true).hasSuffix("é"))
        let old = Array("<META http-equiv=Content-Type content=\"text/html; charset=iso-8859-1\">é".utf8)
        #expect(try Charset.decode(old, declared: nil, findsMeta: true).hasSuffix("Ã©"))
        #expect(try Charset.decode(old, declared: "utf-8", findsMeta: true).hasSuffix("é"))
        for label in ["shift_jis", "utf-7", "koi8-r"] {
            #expect(refusal { _ = try Charset.decode(euro, declared: label, findsMeta: false) } == "unsupported_charset")
        }
        #expect(refusal { _ = try Charset.decode([0xff, 0xfe, 0x41, 0], declared: nil, findsMeta: true) } == "unsupported_charset")
    }
}

/// A little web for the harness, by URL.
private typealias Site = [String: (status: Int, headers: JSONObject, body: [UInt8])]

private func harness(_ site: Site) throws -> PluginHarness {
    try PluginHarness(fetch: { request, _ in
        guard let url = request["url"]?.stringValue, let page = site[url] else {
            return .refused("forbidden", "host_not_allowed: no rule names the host")
        }
        return .response(status: page.status, headers: page.headers, body: page.body)
    }) { webPlugin.serve($0) }
}

@Suite(.timeLimit(.minutes(1))) struct WebToolTests {
    private static let site: Site = [
        "https://a.test/": (200, ["content-type": "text/html; charset=utf-8"], Array("<title>Hi</title><p>Text <a href=b>B</a>".utf8)),
        "https://a.test/old": (301, ["location": "/new#part"], []), "https://a.test/new": (302, ["location": "//b.test/"], []),
        "https://b.test/": (404, ["content-type": "text/html"], Array("<h1>Gone".utf8)),
        "https://a.test/out": (302, ["location": "https://10.0.0.1/"], []), "https://a.test/plain": (302, ["location": "http://a.test/"], []),
        "https://a.test/loop": (302, ["location": "/loop?"], []), "https://a.test/loop?": (302, ["location": "/loop"], []),
        "https://a.test/far": (302, ["location": "ftp://a.test/"], []),
        "https://a.test/1": (302, ["location": "2"], []), "https://a.test/2": (302, ["location": "3"], []),
        "https://a.test/3": (302, ["location": "4"], []),
        "https://a.test/4": (302, ["location": "5"], []), "https://a.test/5": (302, ["location": "6"], []),
        "https://a.test/6": (302, ["location": "7"], []),
        "https://a.test/text": (200, ["content-type": "text/plain"], Array("plain <b>".utf8)),
        "https://a.test/json": (200, ["content-type": "application/problem+json"], Array("{\"a\":1}".utf8)),
        "https://a.test/pdf": (200, ["content-type": "application/pdf"], Array("%PDF".utf8)), "https://a.test/empty": (204, [:], []),
        "https://a.test/none": (200, [:], [1, 2]),
        "https://a.test/feed": (
            200, ["content-type": "application/rss+xml"],
            Array("<rss version='2.0'><channel><title>F</title><item><title>One</title><link>/1</link></item></channel></rss>".utf8)
        ),
        "https://a.test/kanji": (200, ["content-type": "text/html; charset=Shift_JIS"], [0x83]),
    ]

    private func call(_ tool: String, _ path: String, _ more: JSONObject = [:]) async throws -> HarnessOutcome {
        var input = more
        input["url"] = .string("https://a.test\(path)")
        return await (try harness(Self.site)).call(tool, .object(input))
    }

    private func code(_ outcome: HarnessOutcome) -> String { if case .failure(let error) = outcome.result { error.code } else { "none" } }

    @Test("a page comes with its address, status, type, title, text and links; redirects are followed to where it is")
    func fetch() async throws {
        let page = try await call("fetch_v1", "/#part").output
        #expect(
            page == [
                "url": "https://a.test/", "status": 200, "content_type": "text/html", "title": "Hi", "text": "Text B",
                "links": [["text": "B", "url": "https://a.test/b"]], "truncated": false,
            ], "\(page.text)")
        let moved = try await call("fetch_v1", "/old").output
        #expect(moved["url"] == "https://b.test/" && moved["status"] == 404 && moved["text"] == "# Gone" && moved["title"] == nil)
        let stayed = try await call("fetch_v1", "/old", ["follow_redirects": false]).output
        #expect(stayed["url"] == "https://a.test/old" && stayed["status"] == 301 && stayed["text"] == "")
        #expect(try await call("fetch_v1", "/", ["max_chars": 3]).output["text"] == "Tex")
    }

    @Test("plain text and JSON come as they are, an empty reply is empty, and anything else is refused by its type")
    func types() async throws {
        #expect(try await call("fetch_v1", "/text").output["text"] == "plain <b>")
        #expect(try await call("fetch_v1", "/json").output["text"] == "{\"a\":1}")
        #expect(try await call("fetch_v1", "/empty").output["status"] == 204)
        for (path, type) in [("/pdf", "application/pdf"), ("/none", "of no type"), ("/feed", "application/rss+xml")] {
            let outcome = try await call("fetch_v1", path)
            guard case .failure(let error) = outcome.result else { throw PluginError("answered", path) }
            #expect(error.code == "unsupported_type" && error.message.contains(type))
        }
        #expect(code(try await call("fetch_v1", "/kanji")) == "unsupported_charset")
    }

    @Test("the proxy's refusal reaches the caller, also behind a redirect; redirects to http, elsewhere, in circles or too many are refused")
    func refusals() async throws {
        for path in ["/nowhere", "/out"] {
            guard case .failure(let error) = try await call("fetch_v1", path).result else { throw PluginError("answered", path) }
            #expect(error.code == "forbidden" && error.message == "host_not_allowed: no rule names the host")
        }
        for path in ["/plain", "/loop", "/far", "/1"] { #expect(code(try await call("fetch_v1", path)) == "bad_redirect", "\(path)") }
        for url in ["file:///etc/passwd", "a.test", "https://", "//a.test/", ""] {
            let outcome = await (try harness([:])).call("fetch_v1", ["url": .string(url)])
            #expect(code(outcome) == "invalid_url", "\(url)")
        }
        let slow = try PluginHarness(fetch: { _, _ in .refused("timed_out", "time-out: no reply in time") }) { webPlugin.serve($0) }
        // Not `timed_out`, which would count against the tool's breaker: a stranger's slow server must not take the tool from the others.
        #expect(code(await slow.call("fetch_v1", ["url": "https://a.test/"])) == "unreachable")
    }

    @Test("a feed comes with its items; what is none is refused")
    func feed() async throws {
        let feed = try await call("feed_v1", "/feed").output
        #expect(feed["format"] == "rss2" && feed["title"] == "F" && feed["truncated"] == false)
        #expect(feed["items"] == [["title": "One", "link": "https://a.test/1", "summary": "", "authors": []]])
        #expect(code(try await call("feed_v1", "/pdf")) == "unsupported_type")
        #expect(code(try await call("feed_v1", "/old")) == "http_error")
        #expect(["not_a_feed", "not_parsed"].contains(code(try await call("feed_v1", "/"))))
    }

    @Test("both tools say that they read only, may be repeated and reach outside; the page is text")
    func described() async throws {
        let tools = try #require(harness([:]).description["tools"]?.arrayValue)
        #expect(tools.map { $0["name"]?.stringValue } == ["fetch_v1", "feed_v1"])
        for tool in tools {
            #expect(
                tool["annotations"]?["open_world"] == true && tool["annotations"]?["read_only"] == true && tool["annotations"]?["idempotent"] == true)
        }
        #expect(tools[0]["content_type"] == "text")
        let source = try JSONValue(parsing: Array(repositoryFile("Plugins/Web/plugin.json").utf8))
        #expect(source["egress"]?["allow"] == [["scheme": "https", "host": "*", "methods": ["GET"], "paths": ["/*"]]])
    }
}
