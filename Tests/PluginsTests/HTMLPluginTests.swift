import JSON
import LimenPlugin
import MarkdownPlugin
import PluginHarness
import SanitizerPlugin
import Testing

private let markdown = Result { try PluginHarness { markdownPlugin.serve($0) } }
private let sanitizer = Result { try PluginHarness { sanitizerPlugin.serve($0) } }

private func render(_ text: String, _ more: JSONObject = [:]) async throws -> String {
    var input = more
    input["text"] = .string(text)
    return try await markdown.get().call("html", .object(input)).output["html"]?.stringValue ?? ""
}

private func sanitise(_ html: String, images: Bool = false) async throws -> (html: String, removed: JSONValue) {
    let output = try await sanitizer.get().call("html", ["html": .string(html), "images": .bool(images)]).output
    return (output["html"]?.stringValue ?? "", output["removed"] ?? .null)
}

/// Attacks of public collections, by kind: scripts, handlers, links, foreign content, raw text, mutation.
let attacks: [String] = [
    "<script>alert(1)</script>", "<SCRIPT SRC=//x.example/a.js></SCRIPT>", "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>", "<IMG SRC=\"javascript:alert('XSS');\">", "<img src=`x`onerror=alert(1)>", "<img/src/onerror=alert(1)>",
    "<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>", "<svg><a xlink:href=\"javascript:alert(1)\"><text>x</text></a></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<math><mi><mglyph><svg><mtext><textarea><path id=\"</textarea><img onerror=alert(1) src=1>\">",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">", "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<a href=\"javascript:alert(1)\">x</a>", "<a href=\" javascript:alert(1)\">x</a>", "<a href=\"java\tscript:alert(1)\">x</a>",
    "<a href=\"java&#10;script:alert(1)\">x</a>", "<a href=\"&#1;javascript:alert(1)\">x</a>", "<a href=\"&#x6A;avascript&colon;alert(1)\">x</a>",
    "<a href=\"JaVaScRiPt:alert(1)\">x</a>", "<a href=\"data:text/html,<script>alert(1)</script>\">x</a>", "<a href=\"vbscript:x\">x</a>",
    "<a href='//evil.example'>x</a>", "<a href=x onclick=alert(1)>y</a>", "<p style=\"background:url(javascript:alert(1))\">x</p>",
    "<style>@import 'http://x.example'</style>", "<link rel=stylesheet href=http://x.example>", "<meta http-equiv=refresh content=0;url=//x>",
    "<base href=//x.example>", "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>", "<object data=x></object><embed src=x>",
    "<textarea><script>alert(1)</script></textarea>", "<title><img src=x onerror=alert(1)></title>",
    "<xmp><p title=\"</xmp><img src onerror=alert(1)>\"></xmp>",
    "<plaintext><script>alert(1)</script>", "<noembed><img title=\"</noembed><img src onerror=alert(1)>\"></noembed>",
    "<template><script>alert(1)</script></template>",
    "<select><template><style><!--</style><a rel=\"--></style></template></select><img onerror=alert(1)>\">",
    "<!--><img src=x onerror=alert(1)>-->", "<!-- --!><img src=x onerror=alert(1)>", "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml <img src=x onerror=alert(1)>?>",
    "<table><td background=javascript:alert(1)>x", "<body onload=alert(1)>", "<html onmouseover=alert(1)>", "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>", "<video><source onerror=alert(1)></video>", "<marquee onstart=alert(1)>x</marquee>",
    "<button formaction=javascript:alert(1)>x</button>", "<form action=javascript:alert(1)><input type=submit></form>",
    "<isindex action=javascript:alert(1)>", "<p id=\"__proto__\"><p id=\"x y\">", "<custom-element onclick=alert(1)>x</custom-element>",
    "<a href=\"https://ok.example/\" title='\"><img src=x onerror=alert(1)>'>x</a>", "<p title=`><img/src/onerror=alert(1)>`>",
    "<b\u{0}onclick=alert(1)>x</b>",
    "<listing>&lt;img onerror=alert(1) src=x&gt;</listing>", "<pre>\n\n<img src=x onerror=alert(1)></pre>",
    "<a href=\"https:&#x0A;javascript:alert(1)\">x</a>",
    "<p><svg><foreignObject><p onclick=alert(1)>x</p></foreignObject></svg>", "<frameset onload=alert(1)><frame src=javascript:alert(1)></frameset>",
]

@Suite(.timeLimit(.minutes(5))) struct MarkdownPluginTests {
    @Test(
        "GitHub's dialect becomes HTML",
        arguments: [
            ("**b** ~~s~~ `c`", "<p><strong>b</strong> <del>s</del> <code>c</code></p>\n"),
            ("- [x] done\n", "<ul>\n<li><input type=\"checkbox\" checked=\"\" disabled=\"\" /> done</li>\n</ul>\n"),
            ("www.example.org", "<p><a href=\"http://www.example.org\">www.example.org</a></p>\n"),
            ("<script>x</script>", "<!-- raw HTML omitted -->\n"), ("[a](javascript:x)", "<p><a href=\"\">a</a></p>\n"),
        ])
    func dialect(_ text: String, _ html: String) async throws { #expect(try await render(text) == html) }

    @Test("extensions and raw HTML are as asked")
    func options() async throws {
        #expect(try await render("~~s~~", ["extensions": []]) == "<p>~~s~~</p>\n")
        #expect(try await render("<b>x</b>", ["allow_html": true]) == "<p><b>x</b></p>\n")
        #expect(try await render("\"q\" -- a\nb", ["smart": true, "hard_breaks": true]) == "<p>“q” – a<br />\nb</p>\n")
    }

    @Test(
        "the repository's own documents and a megabyte are rendered",
        arguments: ["Tests/LEDGER.md", "Plugins/Text/README.md", "Plugins/Sanitizer/README.md"])
    func documents(_ path: String) async throws {
        let text = try repositoryFile(path)
        let html = try await render(text)
        #expect(html.utf8.count > text.utf8.count / 2)
        let outline = try await markdown.get().call("outline", ["text": .string(text)]).output
        #expect(outline["headings"]?[0]?["level"] == 1)
        let large = String(repeating: text + "\n\n", count: 1_000_000 / text.utf8.count)
        #expect(try await render(large).utf8.count > 500_000)
        let clean = try await sanitise(html)
        #expect(clean.html.contains("<h1>"))
        #expect(!clean.html.contains("<!--"))
    }

    @Test(
        "nesting bombs end quickly with an answer or a clear refusal",
        arguments: [">", "[", "*", "- ", "![", "<", "`", "_a_", "((", "|a", "\\", "&#", "> - ", "[a]:"])
    func bombs(_ unit: String) async throws {
        let text = String(repeating: unit, count: 200_000 / unit.utf8.count)
        let outcome = await (try markdown.get()).call("html", ["text": .string(text)], timeout: .seconds(60))
        if case .failure(let error) = outcome.result { #expect(["too_deep", "too_large"].contains(error.code)) }
    }
}

@Suite(.timeLimit(.minutes(5))) struct SanitizerPluginTests {
    @Test(
        "formatting stays as it is",
        arguments: [
            "<p>Hi <b>you</b> &amp; me</p>", "<pre><code class=\"language-swift\">let a = 1\n</code></pre>", "<ol start=\"3\"><li>x</li></ol>",
            "<table><thead><tr><th align=\"left\">a</th></tr></thead><tbody><tr><td colspan=\"2\">1</td></tr></tbody></table>", "<p>a<br>b</p><hr>",
            "<a href=\"https://example.org/?a=1&amp;b=2\" rel=\"nofollow noopener noreferrer\">x</a>", "<h2 id=\"user-content-x\">x</h2>",
        ])
    func kept(_ html: String) async throws { #expect(try await sanitise(html).html == html) }

    @Test("what is removed is reported, and text survives")
    func report() async throws {
        let clean = try await sanitise("<p onclick=x class=y>Hi <font>you</font><script>z</script><img src=https://x.example/a alt=pic></p>")
        #expect(clean.html == "<p>Hi youpic</p>")
        #expect(clean.removed == ["attribute onclick": 1, "attribute class": 1, "element font": 1, "element script": 1, "element img": 1])
        #expect(
            try await sanitise("<img src=https://x.example/a alt=pic>", images: true).html.hasPrefix(
                "<img src=\"https://x.example/a\" referrerpolicy"))
    }

    @Test("no attack leaves a script, a handler, a bad link or a tag off the list, and a second pass changes nothing", arguments: attacks)
    func attack(_ html: String) async throws {
        for images in [false, true] {
            let clean = try await sanitise(html, images: images).html
            try check(clean, html)
            #expect(try await sanitise(clean, images: images).html == clean, "\(html)")
        }
    }

    @Test("attacks in pairs, nested into each other and into tables, are as harmless", arguments: 0..<40)
    func combined(_ seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        var html = ""
        for _ in 0..<12 {
            let attack = attacks.randomElement(using: &generator) ?? ""
            let wrap = ["<table>", "<svg>", "<math>", "<select>", "<p>", "<a>", "<b>", "</p>", "<style>", "<!--", "</table>", "<template>"]
            html = (wrap.randomElement(using: &generator) ?? "") + html + attack
        }
        try check(try await sanitise(html).html, "seed \(seed)")
    }

    @Test(
        "deep, wide and long input ends with an answer or a clear refusal",
        arguments: [
            "<b>", "<div>", "<table><td>", "<a>", "<p>", "<svg>", "<!--", "<font a=b>", "</", "<li>", "<nobr>", "&amp;", "<b a='",
        ])
    func bombs(_ unit: String) async throws {
        let html = String(repeating: unit, count: 60_000 / unit.utf8.count)
        let outcome = await (try sanitizer.get()).call("html", ["html": .string(html)], timeout: .seconds(60))
        switch outcome.result {
        case .success(let output): try check(output["html"]?.stringValue ?? "", unit)
        case .failure(let error): #expect(error.code == "too_large")
        }
    }

    @Test("a megabyte of HTML is sanitised")
    func large() async throws {
        let html = String(repeating: "<p>Some <b>text</b> with <a href=\"https://example.org\">links</a>.</p>\n", count: 14_000)
        let clean = try await sanitise(html)
        #expect(clean.html.utf8.count > html.utf8.count)
        #expect(clean.removed == [:])
    }

    /// Reads the output as the strictest of parsers: only `<name attribute="value">`, `</name>` and text.
    private func check(_ html: String, _ source: String) throws {
        var rest = Substring(html)
        while let start = rest.firstIndex(of: "<") {
            #expect(!rest[..<start].contains(">"), "\(source)")
            rest = rest[rest.index(after: start)...]
            let end = try #require(rest.firstIndex(of: ">"), "\(source): \(html)")
            let tag = rest[..<end]
            let name = tag.drop { $0 == "/" }.prefix { $0.isLetter || $0.isNumber }
            #expect(safe.contains(String(name)), "\(source): <\(tag)>")
            for attribute in tag.split(separator: " ").dropFirst() where attribute.contains("=\"") {
                let key = attribute.prefix { $0 != "=" }
                #expect(!key.hasPrefix("on") && key != "style", "\(source): <\(tag)>")
                if key == "href" || key == "src" {
                    let value = attribute.dropFirst(key.count + 2).lowercased()
                    #expect(["http:", "https:", "mailto:", "#user-content-"].contains { value.hasPrefix($0) }, "\(source): <\(tag)>")
                }
            }
            rest = rest[rest.index(after: end)...]
        }
    }

    private let safe: Set<String> = [
        "a", "abbr", "b", "bdi", "bdo", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd", "del", "details", "dfn", "div",
        "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p",
        "pre", "q", "rp", "rt", "ruby", "s", "samp", "section", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td",
        "tfoot", "th", "thead", "time", "tr", "u", "ul", "var", "wbr",
    ]
}
