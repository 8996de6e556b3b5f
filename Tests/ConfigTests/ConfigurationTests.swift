import Config
import Glibc
import JSON
import JSONSchema
import Testing

/// Loads a text as limen.json.
private func load(
    _ text: String?, environment: [String: String] = [:], arguments: [String: JSONValue] = [:]
) throws -> Configuration {
    guard let text else { return try Configuration.load(file: nil, environment: environment, arguments: arguments) }
    var template = Array("/tmp/limen-config-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    let path = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } } ?? ""
    defer {
        close(descriptor)
        unlink(path)
    }
    let bytes = Array(text.utf8)
    #expect(write(descriptor, bytes, bytes.count) == bytes.count)
    return try Configuration.load(file: path, environment: environment, arguments: arguments)
}

/// The problems of a configuration; empty when it is accepted.
private func problems(_ text: String?, environment: [String: String] = [:]) -> [ConfigurationError.Problem] {
    do {
        _ = try load(text, environment: environment)
        return []
    } catch {
        return (error as? ConfigurationError)?.problems ?? []
    }
}

@Suite struct ConfigurationTests {
    @Test("without a file every setting has its documented default")
    func defaults() throws {
        let configuration = try load(nil)
        #expect(configuration.listen.address == "127.0.0.1" && configuration.listen.port == 8080)
        #expect(configuration.limits.connections == 10_000 && configuration.limits.connectionsPerAddress == 100)
        #expect(configuration.tools.timeoutMilliseconds == 15_000 && configuration.tools.timeoutCapMilliseconds == 60_000)
        #expect(configuration.sandbox.uidBase == nil && configuration.sandbox.slots == nil)
    }

    @Test("rates, origins and the access log are read from file and variables")
    func rates() throws {
        let configuration = try load(
            #"{"limits": {"rates": {"tools_per_minute": 1000000000}}, "http": {"cors_origins": ["https://a.example"]}, "log": {"access": "errors"}}"#,
            environment: ["LIMEN_LIMITS_RATES_CONFIG_PER_HOUR": "7"])
        #expect(
            configuration.rates.toolsPerMinute == 1_000_000_000 && configuration.rates.configPerHour == 7 && configuration.rates.readsPerMinute == 600
        )
        #expect(configuration.corsOrigins == ["https://a.example"] && configuration.logAccess == "errors")
        let several = try load(nil, environment: ["LIMEN_HTTP_CORS_ORIGINS": "https://a.example,http://localhost:3000,https://[::1]:8443"])
        #expect(several.corsOrigins == ["https://a.example", "http://localhost:3000", "https://[::1]:8443"])
    }

    @Test(
        "an origin that no browser would write so is refused, as it would never match; all origins at once are none (API-9)",
        arguments: [
            "*", "null", "https://*.example.org", "https://a.example/", "https://A.example", "a.example", "https://a.example:443",
            "http://a.example:80",
            "https://a.example:0", "https://user@a.example", "https://a.example?x", "ftp://a.example", "https://", "https://a..example",
            "https://a.example:",
        ])
    func origins(origin: String) {
        #expect(!problems(nil, environment: ["LIMEN_HTTP_CORS_ORIGINS": origin]).isEmpty)
        #expect(!problems(#"{"http": {"cors_origins": ["\#(origin)"]}}"#).isEmpty)
    }

    @Test("the command line goes before variables, and variables before the file")
    func precedence() throws {
        let file = #"{"listen": {"port": 1, "address": "::1"}, "data": "a"}"#
        #expect(try load(file).listen.port == 1)
        let listen = try load(file, environment: ["LIMEN_LISTEN_PORT": "2"]).listen
        #expect(listen.address == "::1" && listen.port == 2)
        #expect(try load(file, environment: ["LIMEN_LISTEN_PORT": "2"], arguments: ["/listen/port": 3]).listen.port == 3)
    }

    @Test(
        "bad files are refused with their place",
        arguments: [
            (#"{"listen": {"port": 70000}}"#, "/listen/port"), (#"{"listen": {"port": "80"}}"#, "/listen/port"),
            (#"{"listen": {"prot": 80}}"#, "/listen"), (#"{"unknown": 1}"#, ""), (#"{"log": {"level": "loud"}}"#, "/log/level"),
            (#"{"sandbox": {"require": ["seccomp", "magic"]}}"#, "/sandbox/require/1"), (#"{"sandbox": {"uid_base": 100000}}"#, "/sandbox"),
            (#"{"sandbox": {"slots": 10}}"#, "/sandbox"), (#"{"tools": {"timeout_ms": 60001}}"#, "/tools/timeout_ms"),
            (#"{"tools": {"timeout_ms": 20000, "timeout_cap_ms": 10000}}"#, "/tools/timeout_ms"),
            (#"{"limits": {"connections": 5}}"#, "/limits/connections_per_address"), (#"{"data": ""}"#, "/data"), ("[]", ""), ("{", ""),
            (#"{"data": "a", "data": "b"}"#, ""), (#"{"data": "a\u0000b"}"#, "/data"),
        ])
    func refused(text: String, pointer: String) {
        let found = problems(text)
        #expect(!found.isEmpty)
        #expect(found.contains { $0.pointer == pointer || $0.pointer.hasPrefix(pointer + "/") }, "\(found)")
    }

    @Test(
        "variables are read strictly and alike everywhere",
        arguments: [
            ("LIMEN_TOOLS_TIMEOUT_MS", "500ms", true), ("LIMEN_TOOLS_TIMEOUT_MS", "15s", true), ("LIMEN_TOOLS_TIMEOUT_MS", "1m", true),
            ("LIMEN_TOOLS_TIMEOUT_MS", "1h", false), ("LIMEN_TOOLS_TIMEOUT_MS", "-1", false), ("LIMEN_TOOLS_TIMEOUT_MS", "+1", false),
            ("LIMEN_TOOLS_TIMEOUT_MS", "1.5s", false), ("LIMEN_TOOLS_TIMEOUT_MS", " 1s", false), ("LIMEN_TOOLS_TIMEOUT_MS", "", false),
            ("LIMEN_LIMITS_HEADER_BYTES", "16KiB", true), ("LIMEN_LIMITS_HEADER_BYTES", "16KB", false),
            ("LIMEN_LIMITS_HEADER_BYTES", "99999999999999999999", false), ("LIMEN_LISTEN_PORT", "0x50", false),
            ("LIMEN_SANDBOX_REQUIRE", "seccomp,landlock", true), ("LIMEN_SANDBOX_REQUIRE", "seccomp,,landlock", false),
            ("LIMEN_SANDBOX_REQUIRE", "", true), ("LIMEN_LOG_LEVEL", "debug", true), ("LIMEN_LOG_LEVEL", "DEBUG", false),
            ("LIMEN_SANDBOX_SLOTS", "10", false),
        ])
    func variables(name: String, text: String, isAccepted: Bool) {
        #expect(problems(nil, environment: [name: text]).isEmpty == isAccepted)
    }

    @Test("certificates and keys are one path each or lists of the same length, both or neither")
    func certificates() throws {
        #expect(try load(nil).listen.tls == nil && !load(nil).listen.behindProxy)
        let one = try load(#"{"listen": {"tls": {"certificate": "a.pem", "key": "a.key", "ocsp": "a.ocsp"}, "behind_proxy": true}}"#).listen
        #expect(one.tls?.certificates == ["a.pem"] && one.tls?.keys == ["a.key"] && one.tls?.staples == ["a.ocsp"] && one.behindProxy)
        let two = try load(nil, environment: ["LIMEN_LISTEN_TLS_CERTIFICATE": "a.pem,b.pem", "LIMEN_LISTEN_TLS_KEY": "a.key,b.key"]).listen
        #expect(two.tls?.certificates == ["a.pem", "b.pem"] && two.tls?.keys == ["a.key", "b.key"] && two.tls?.staples == [])
        for bad in [
            #"{"certificate": "a.pem"}"#, #"{"key": "a.key"}"#, #"{"certificate": ["a.pem", "b.pem"], "key": "a.key"}"#, #"{"ocsp": "a.ocsp"}"#,
            #"{"certificate": [], "key": []}"#, #"{"certificate": "", "key": ""}"#, #"{"certificate": 1, "key": 2}"#,
            #"{"certificate": [""], "key": ["k"]}"#,
        ] { #expect(!problems("{\"listen\": {\"tls\": \(bad)}}").isEmpty, "\(bad)") }
    }

    @Test("a problem names its source and never repeats the value")
    func silent() {
        let found = problems(nil, environment: ["LIMEN_LISTEN_PORT": "hunter2"])
        #expect(found.map(\.source) == ["LIMEN_LISTEN_PORT"])
        #expect(!"\(found)".contains("hunter2"))
    }

    @Test("the reference names every setting and variable once")
    func reference() {
        let text = ConfigurationReference.markdown()
        for setting in SettingsTable.all {
            #expect(text.components(of: "`\(setting.variable)`") == 1)
        }
    }

    @Test("the schema's own defaults are valid against it")
    func schema() throws {
        let compiled = try CompiledSchema(ConfigurationSchema.json)
        #expect(compiled.validate(.object([:])).isEmpty)
        #expect(!compiled.validate(["x": 1]).isEmpty)
    }
}

extension String {
    /// How often a text occurs.
    fileprivate func components(of needle: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: needle) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
