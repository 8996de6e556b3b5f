import Glibc
import IO
import JSON
import TestKit
import Testing

/// An adapter plugin and where its provider stands on the tests' server.
struct Adapter: Sendable, CustomTestStringConvertible {
    let plugin: String
    /// Behind host and port.
    let base: String
    var testDescription: String { plugin }

    static let all = [
        Adapter(plugin: "openai", base: "/v1"), Adapter(plugin: "anthropic", base: ""), Adapter(plugin: "zhipu", base: "/api/paas/v4"),
        Adapter(plugin: "moonshot", base: "/kimi/v1"),
    ]
}

@Suite("Limen: models of providers, by jailed adapters", .serialized)
struct ModelAdapterTests {
    /// One server and one data folder with all four plugins for those tests that change neither.
    private static let shared: Result<(providers: Providers, site: AdapterSite), any Error> = Result {
        let providers = try Providers()
        let site = try AdapterSite(providers)
        for adapter in Adapter.all {
            try site.install(
                adapter.plugin, hosts: "localhost:\(providers.port)", config: #"{"base_url":"https://localhost:\#(providers.port)\#(adapter.base)"}"#)
            try site.set(secret: adapter.plugin)
        }
        return (providers, site)
    }

    private static let words = ["Hel", "lo, ", "wörld", " 🙂"]
    private static let sentence = words.joined()

    /// A conversation with a tool that was called before, and that may be called again.
    private static func withTools(_ model: String) -> String {
        ([
            "model": .string(model), "max_tokens": 50, "temperature": 0.5, "stop": ["END"],
            "messages": [
                ["role": "system", "content": "Be brief."], ["role": "user", "content": "What is 1 + 1?"],
                [
                    "role": "assistant", "content": "",
                    "tool_calls": [["id": "call_0", "name": "calc.evaluate", "arguments": ["expression": "1 + 1"]]],
                ],
                ["role": "tool", "content": "2", "tool_call_id": "call_0"], ["role": "user", "content": "Again."],
            ],
            "tools": [
                [
                    "name": "calc.evaluate", "description": "Calculates.",
                    "input_schema": ["type": "object", "properties": ["expression": ["type": "string"]]],
                ],
                ["name": "sysprobe.any", "description": "Takes anything.", "input_schema": true],
            ],
        ] as JSONValue).text
    }

    @Test("the tests' server speaks as the providers do: the real clients openai and anthropic of PyPI understand it, faults too")
    func peers() throws {
        let providers = try Self.shared.get().providers
        let outcome = try Command.run(
            [
                "\(try PythonPackages.bin("openai", "anthropic"))/python", "\(Command.root)/Tests/Fixtures/Providers/peers.py",
                "https://localhost:\(providers.port)",
            ],
            environment: ["SSL_CERT_FILE": providers.authority])
        #expect(outcome.code == 0 && outcome.output.contains("openai "), "\(outcome.output)\(outcome.complaints)")
    }

    @Test("an answer is streamed through jail and proxy; the key goes out with the request and the plugin never sees it", arguments: Adapter.all)
    func streamed(_ adapter: Adapter) throws {
        let (providers, site) = try Self.shared.get()
        let answer = try site.ask("\(adapter.plugin)/gpt")
        #expect(answer.tokens == Self.words, "\(answer.text)")
        #expect(
            answer.output == [
                "content": .string(Self.sentence), "tool_calls": [], "finish_reason": "stop", "model": "gpt", "adapters": [],
                "usage": ["tokens_in": 11, "tokens_out": 7],
            ], "\(answer.text)")
        #expect(answer.usage?["egress_requests"] == 1)
        let request = try #require(providers.requests.last)
        #expect(request["body"]?["stream"] == true && request["body"]?["model"] == "gpt")
        let given = request["headers"]?[adapter.plugin == "anthropic" ? "x-api-key" : "authorization"]?.stringValue
        #expect(given?.hasSuffix(Providers.key) == true)
        let echoed = try site.ask("\(adapter.plugin)/echoes-key")
        #expect(echoed.output?["content"]?.stringValue?.hasPrefix("your key is ") == true && !echoed.text.contains(Providers.key), "\(echoed.text)")
    }

    @Test(
        "however the bytes are split or the lines end, the answer is the same", arguments: Adapter.all,
        ["one-byte", "crlf", "no-done", "never-streams"])
    func splits(_ adapter: Adapter, _ model: String) throws {
        let answer = try Self.shared.get().site.ask("\(adapter.plugin)/\(model)")
        #expect(answer.tokens.joined() == Self.sentence && answer.output?["content"]?.stringValue == Self.sentence, "\(answer.text)")
        #expect(answer.output?["finish_reason"] == "stop" && answer.output?["usage"] == ["tokens_in": 11, "tokens_out": 7], "\(answer.text)")
    }

    @Test("tools go out under names that providers take, and calls come back whole, however they were split", arguments: Adapter.all)
    func tools(_ adapter: Adapter) throws {
        let (providers, site) = try Self.shared.get()
        for model in ["gpt", "one-byte"] {
            let answer = try site.ask("\(adapter.plugin)/\(model)", Self.withTools(model))
            #expect(
                answer.output?["tool_calls"] == [
                    ["id": "call_a", "name": "calc.evaluate", "arguments": ["expression": "1 + 1", "note": "q\"é\n"]],
                    ["id": "call_b", "name": "calc.evaluate", "arguments": ["expression": "2"]],
                ], "\(answer.text)")
            #expect(answer.output?["finish_reason"] == "tool_calls" && answer.output?["content"] == "", "\(answer.text)")
        }
        let whole = try site.ask("\(adapter.plugin)/never-streams", Self.withTools("never-streams"))
        #expect(whole.output?["tool_calls"]?.arrayValue?.first?["arguments"] == ["expression": "1 + 1"], "\(whole.text)")
        let body = try #require(providers.requests.last?["body"])
        let system = adapter.plugin == "anthropic" ? body["system"] : body["messages"]?.arrayValue?.first?["content"]
        #expect(system == "Be brief.")
        #expect(body["max_tokens"] == 50)
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        let model: String
        let code: String
        var sentTokens: Bool?
        var wait: Int?
        var withTools = false
        var testDescription: String { model }
    }

    static let faults = [
        Fault(model: "status-429-7", code: "rate_limited", wait: 7_000), Fault(model: "status-429", code: "rate_limited"),
        Fault(model: "status-500", code: "unavailable"), Fault(model: "status-529-3", code: "unavailable", wait: 3_000),
        Fault(model: "status-503-html", code: "unavailable"), Fault(model: "status-400", code: "invalid_request"),
        Fault(model: "status-400-overflow", code: "context_overflow"), Fault(model: "status-403", code: "unauthorized"),
        Fault(model: "cut", code: "unavailable", sentTokens: true), Fault(model: "reset", code: "unavailable", sentTokens: true),
        Fault(model: "cut-early", code: "unavailable", sentTokens: false), Fault(model: "ends-early", code: "unavailable", sentTokens: true),
        Fault(model: "complains", code: "unavailable", sentTokens: true), Fault(model: "malformed", code: "malformed_reply", sentTokens: true),
        Fault(model: "html", code: "malformed_reply", sentTokens: false),
        Fault(model: "bad-arguments", code: "malformed_reply", sentTokens: false, withTools: true),
    ]

    @Test("what a provider does wrong has its own code, says who and what, and whether tokens had been sent", arguments: Adapter.all, faults)
    func faulty(_ adapter: Adapter, _ fault: Fault) throws {
        let site = try Self.shared.get().site
        let answer = try site.ask("\(adapter.plugin)/\(fault.model)", fault.withTools ? Self.withTools(fault.model) : "hello")
        #expect(answer.output == nil && answer.fault == fault.code, "\(answer.text)")
        #expect(answer.error?["message"]?.stringValue?.hasPrefix("\(adapter.plugin) at localhost:") == true, "\(answer.text)")
        if let sent = fault.sentTokens {
            #expect(answer.details?["tokens_sent"] == .bool(sent) && answer.tokens.isEmpty == !sent, "\(answer.text)")
            #expect(answer.error?["message"]?.stringValue?.contains("after tokens had been sent") == sent, "\(answer.text)")
        }
        if let wait = fault.wait { #expect(answer.error?["details"]?["retry_after_ms"]?.intValue == wait, "\(answer.text)") }
    }

    @Test("a call that was cut off by the bound of the answer is left out, not guessed", arguments: Adapter.all)
    func cutArguments(_ adapter: Adapter) throws {
        let answer = try Self.shared.get().site.ask("\(adapter.plugin)/cut-arguments", Self.withTools("cut-arguments"))
        #expect(answer.output?["finish_reason"] == "length" && answer.output?["tool_calls"] == [], "\(answer.text)")
    }

    // MARK: Time

    @Test("tokens pass as they come, however slowly, and a model that thinks is not taken for a dead one", arguments: Adapter.all)
    func slowDrip(_ adapter: Adapter) throws {
        let site = try Self.shared.get().site
        let answer = try site.ask("\(adapter.plugin)/slow-drip", patience: 1_000)
        #expect(answer.tokens == Self.words, "\(answer.text)")
        #expect(zip(answer.times, answer.times.dropFirst()).allSatisfy { $1 - $0 >= 200 }, "\(answer.times)")
        let thought = try site.ask("\(adapter.plugin)/thinks", patience: 1_500)
        #expect(thought.output?["content"]?.stringValue == Self.sentence, "\(thought.text)")
    }

    @Test("a provider that falls silent is given up after the cap, and what it said before was passed on (CHAT-10)", arguments: Adapter.all)
    func silent(_ adapter: Adapter) throws {
        let began = Deadline.now().nanoseconds
        let answer = try Self.shared.get().site.ask("\(adapter.plugin)/silent", patience: 800)
        #expect((Deadline.now().nanoseconds - began) / 1_000_000 < 10_000)
        #expect(answer.fault == "silent" && answer.tokens.first == "Hel", "\(answer.text)")
    }

    // MARK: Hosts and keys

    @Test("a wrong key, no key, and a host that nobody granted are told apart")
    func unauthorized() throws {
        let providers = try Self.shared.get().providers
        let site = try AdapterSite(providers)
        let base = "https://localhost:\(providers.port)/v1"
        try site.install("openai", config: #"{"base_url":"\#(base)"}"#)
        let ungranted = try site.ask("openai/gpt")
        #expect(
            ungranted.fault == "forbidden" && ungranted.text.contains("host_not_allowed") && ungranted.text.contains("--hosts"), "\(ungranted.text)")
        try site.install("openai", hosts: "localhost:\(providers.port)")
        #expect(try site.manifest("openai")["config"]?["base_url"] == .string(base), "what the operator set before stays")
        #expect(try site.manifest("openai")["secrets"]?.arrayValue?.first?["hosts"] == ["api.openai.com", "localhost"])
        let keyless = try site.ask("openai/gpt")
        #expect(keyless.fault == "forbidden" && keyless.text.contains("secret"), "\(keyless.text)")
        try site.set(secret: "openai", to: "sk-some-other-key-0000000")
        let wrong = try site.ask("openai/gpt")
        #expect(wrong.fault == "unauthorized" && wrong.error?["code"] == "server_error", "\(wrong.text)")
        #expect(!wrong.text.contains("sk-some-other-key-0000000"), "the server echoed it: \(wrong.text)")
    }

    @Test("a server of one's own over plain http needs no key and gets none")
    func local() throws {
        let providers = try Providers(isTLS: false)
        let site = try AdapterSite()
        try site.install(
            "openai", hosts: "http://localhost:\(providers.port)", config: #"{"base_url":"http://localhost:\#(providers.port)/v1","lora":"vllm"}"#)
        #expect(try site.manifest("openai")["secrets"]?.arrayValue?.first?["hosts"] == ["api.openai.com"])
        let answer = try site.ask("openai/gpt")
        #expect(answer.output?["content"]?.stringValue == Self.sentence, "\(answer.text)")
        #expect(providers.requests.last?["headers"]?["authorization"] == nil)
        // LoRA, as vLLM and as LoRAX take it.
        let input =
            #"{"model":"base","messages":[{"role":"user","content":"x"}],"max_tokens":9,"adapters":[{"name":"small","weight":0.2},{"name":"large","weight":0.8}]}"#
        let vllm = try site.ask("openai/base", input)
        #expect(vllm.output?["adapters"] == [["name": "large", "weight": 1]], "\(vllm.text)")
        #expect(providers.requests.last?["body"]?["model"] == "large" && providers.requests.last?["body"]?["max_tokens"] == 9)
        #expect(providers.requests.last?["body"]?["adapter_id"] == nil)
        try site.install("openai", config: #"{"lora":"lorax","max_tokens_field":"max_completion_tokens","stream":false}"#)
        let lorax = try site.ask("openai/base", input)
        #expect(lorax.output?["adapters"] == [["name": "large", "weight": 1]], "\(lorax.text)")
        let body = try #require(providers.requests.last?["body"])
        #expect(body["adapter_id"] == "large" && body["max_completion_tokens"] == 9 && body["max_tokens"] == nil && body["stream"] == false)
        let plain = try site.ask("openai/base")
        #expect(plain.output?["adapters"] == [] && providers.requests.last?["body"]?["model"] == "base")
        // The operator names the models; then only they are there, and without the plugin's name too.
        var manifest = try #require(try site.manifest("openai").objectValue)
        manifest["adapters"] = [["type": "model.chat", "models": ["gpt"]]]
        try Command.replace(JSONValue.object(manifest).text, at: "\(site.data)/manifests/openai.json")
        #expect(try site.ask("gpt").output?["content"]?.stringValue == Self.sentence)
        #expect(try site.ask("openai/other").fault == "unknown_model")
        #expect(
            try site.ask("openai/e", #"{"model":"e","input":["a"]}"#, kind: "model.embed").fault == "unknown_model", "embeddings were not granted")
    }

    @Test("texts become vectors, each in its place", arguments: Adapter.all.filter { ["openai", "zhipu"].contains($0.plugin) })
    func embeddings(_ adapter: Adapter) throws {
        let site = try Self.shared.get().site
        let answer = try site.ask("\(adapter.plugin)/e", #"{"model":"e","input":["a","b","c"]}"#, kind: "model.embed")
        #expect(
            answer.output == ["model": "e", "embeddings": [[0, 0.5, -1], [1, 0.5, -1], [2, 0.5, -1]], "usage": ["tokens_in": 5]], "\(answer.text)")
        let short = try site.ask("\(adapter.plugin)/short", #"{"model":"short","input":["a"]}"#, kind: "model.embed")
        #expect(short.fault == "malformed_reply", "\(short.text)")
    }

    @Test("a conversation of megabytes goes out in pieces")
    func long() throws {
        let (providers, site) = try Self.shared.get()
        // More than one frame between worker and host can hold.
        let text = String(repeating: "long ", count: 600_000)
        let file = "\(Command.temporary())/long"
        try Command.write(text, to: file)
        chmod(file, 0o644)
        let answer = try site.ask("openai/gpt", "@\(file)")
        #expect(answer.output?["content"]?.stringValue == Self.sentence, "\(answer.text.prefix(500))")
        #expect(providers.requests.last?["body"]?["messages"]?.arrayValue?.first?["content"]?.stringValue?.utf8.count == text.utf8.count)
    }

    // MARK: Adapters that fail

    @Test(
        "in the real jail: tokens come as they are said; a mute adapter, one that falls silent, one that crashes and one that breaks the contract are told apart"
    )
    func jailed() throws {
        let site = try AdapterSite()
        try site.install("babble")
        let plain = try site.ask("plain")
        #expect(plain.tokens == ["one ", "two"] && plain.output?["content"] == "one two", "\(plain.text)")
        #expect(plain.times.count == 2 && plain.times[1] - plain.times[0] >= 400, "\(plain.times)")
        let mute = try site.ask("babble/mute", patience: 700)
        #expect(mute.fault == "silent" && mute.events.isEmpty && mute.error?["details"]?["events"] == nil, "\(mute.text)")
        let sleepy = try site.ask("babble/sleepy", patience: 1_000)
        #expect(sleepy.fault == "silent" && sleepy.tokens.count == 2 && sleepy.error?["details"]?["events"] == 2, "\(sleepy.text)")
        let crash = try site.ask("babble/crash")
        #expect(crash.fault == "crash" && crash.tokens.count == 2 && crash.error?["details"]?["events"] == 2, "\(crash.text)")
        let rude = try site.ask("babble/rude")
        #expect(rude.fault == "plugin_output" && rude.error?["code"] == "server_error" && rude.output == nil, "\(rude.text)")
        #expect(try site.ask("babble/other").fault == "unknown_model")
    }
}
