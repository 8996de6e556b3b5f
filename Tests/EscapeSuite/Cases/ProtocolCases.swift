/// Protocol: bytes on the worker's own socket, answers that are none, and claims to be someone else.
extension EscapeCases {
    private static func fault(_ name: String, attack: String? = nil, _ argument: String = "", _ reasons: [String] = ["protocol"]) -> EscapeCase {
        .one(.protocol, name, attack: attack, argument, .dies(reasons))
    }

    /// A length that no output may have, on a frame that says it is one.
    private static func length(_ name: String) -> EscapeCase { fault(name, "", ["protocol", "output_limit"]) }

    private static let survived = EscapeStep("null-call-pointer", .reports(["null": "survived"]))
    /// A second result may be noticed before or during the same caller's next call; the worker dies of it, and nobody else.
    private static let ownOrKilled = Expectation.either([.reports(["null": "survived"]), .dies(["protocol"])])

    static let protocolFaults: [EscapeCase] =
        [
            "flags-set", "reserved-set", "garbage", "http-on-socket", "zeroes", "result-unknown-call",
            "result-call-zero",
            "event-for-other-call", "second-jailed", "second-ready", "forged-attachments",
        ].map { fault($0) }
        + ["length-4g", "length-over-limit"].map { length($0) }
        + ["0x00", "0x01", "0x02", "0x03", "0x06", "0x7f", "0x80", "0x89", "0xff"].map {
            fault("frame-of-type-\($0.dropFirst(2))", attack: "frame-of-type", $0)
        }
        + [
            .one(.protocol, "length-zero", .either([.dies(["protocol"]), .badOutput])),
            fault("half-header"), fault("half-payload"),
            .one(.protocol, "slow-payload", .dies(["protocol", "timeout"])),
            .one(.protocol, "two-results", .either([.reports(["which": "first"]), .dies(["protocol"])])),
            .several(
                .protocol, "two-results-next-call",
                [
                    EscapeStep("two-results", .either([.reports(["which": "first"]), .dies(["protocol"])])),
                    EscapeStep("null-call-pointer", ownOrKilled), survived,
                ]),
            .several(
                .protocol, "complete-twice",
                [EscapeStep("complete-twice", .reports(["which": "first"])), EscapeStep("null-call-pointer", .reports(["null": "survived"]))]),
            .several(
                .protocol, "complete-then-forge",
                [
                    EscapeStep("complete-then-forge", .either([.reports(["which": "first"]), .dies(["protocol"])])),
                    EscapeStep("null-call-pointer", ownOrKilled), survived,
                ]),
            .one(.protocol, "complete-race", .reports(["which": "one"])).landlock(.reports(["thread": "EAGAIN"])),
            .one(.protocol, "wrong-call-pointer", .reports([:])),
            .one(.protocol, "null-call-pointer", .reports(["null": "survived"])),
            .several(
                .protocol, "result-after-cancel",
                [
                    EscapeStep("result-after-cancel", cancelAfterMilliseconds: 100, .cancelled),
                    EscapeStep("null-call-pointer", .reports(["null": "survived"])),
                ]),
            .one(.protocol, "shutdown-socket", .reports(["shutdown": "EPERM"])),
            .one(.protocol, "never-read", .dies(["protocol", "timeout"])) { $0.timeoutMilliseconds = 700 },
            .one(.protocol, "replace-socket", .dies(["exit", "protocol", "timeout", "crash"])) { $0.timeoutMilliseconds = 700 },
            .one(.protocol, "read-host-frames", .reports(["peek": "EPERM", "read": "EAGAIN"])),
        ]

    private static let invalidOutputs = [
        "empty", "not-json", "two-values", "trailing", "bom", "invalid-utf8", "overlong-utf8", "surrogate-utf8", "lone-surrogate", "duplicate-keys",
        "duplicate-escaped", "control-character", "nan", "wrong-type", "missing-member", "extra-member", "wrong-nested", "null", "single-quotes",
        "unterminated",
    ]

    static let protocolAnswers: [EscapeCase] =
        invalidOutputs.map { .one(.protocol, "output-\($0)", attack: "output-text", $0, .badOutput) }
        + [
            .one(.protocol, "output-deep-1000", attack: "output-deep", "1000", .badOutput),
            .one(.protocol, "output-deep-100000", attack: "output-deep", "100000", .badOutput),
            .one(.protocol, "output-number-megabyte", attack: "output-number", "1000000", .badOutput),
            .one(.protocol, "output-many-keys", .succeeds),
            .one(.protocol, "output-flips", .either([.reports(["which": "promised"]), .badOutput])),
            .one(.protocol, "identity-in-output", .badOutput),
            .one(.protocol, "attachment-count", "4096", .either([.reports(["attached": "yes"]), .badOutput, .dies(["protocol"])])),
            .one(.protocol, "attachment-length", .either([.badOutput, .dies(["protocol", "crash", "memory"])])),
            .one(.protocol, "attachment-name", "", .either([.reports(["attached": "yes"]), .badOutput, .dies(["protocol"])])),
            .one(.protocol, "fail-huge", attack: "failure-shapes", "huge", .either([.pluginFails, .dies(["protocol"])])),
            .one(.protocol, "fail-code", attack: "failure-shapes", "code", .pluginFails),
            .one(.protocol, "fail-details", attack: "failure-shapes", "details", .pluginFails),
            .one(.protocol, "fail-reserved", attack: "failure-shapes", "reserved", .pluginFails),
            .one(.protocol, "fail-utf8", attack: "failure-shapes", "utf8", .pluginFails),
            .one(.protocol, "emit-kind", attack: "emit-shapes", "kind", .either([.reports(["emitted": "kind"]), .dies(["protocol"])])),
            .one(.protocol, "emit-json", attack: "emit-shapes", "json", .either([.reports(["emitted": "json"]), .dies(["protocol"])])),
            .one(
                .protocol, "emit-duplicate", attack: "emit-shapes", "duplicate", .either([.reports(["emitted": "duplicate"]), .dies(["protocol"])])),
            .one(.protocol, "emit-sse", attack: "emit-shapes", "sse", .reports(["emitted": "sse"])),
            .one(.protocol, "fetch-refused", "http://127.0.0.1:22/", .reports(["status": "0", "error": "forbidden"])),
            .one(
                .protocol, "fetch-metadata", attack: "fetch-refused", "http://169.254.169.254/latest/",
                .reports(["status": "0", "error": "forbidden"])),
            .one(.protocol, "fetch-file", attack: "fetch-refused", "file:///etc/passwd", .reports(["status": "0", "error": "forbidden|invalid"])),
            .one(.protocol, "fetch-malformed", .either([.reports(["status": "0", "error": "forbidden|invalid", "answered": "7"]), .badOutput])),
            .one(.protocol, "fetch-flood", .dies(["protocol", "timeout"])) { $0.timeoutMilliseconds = 1_500 },
            .one(.protocol, "kv-huge-value", .either([.reports(["found": "0", "error": "*", "value": "*"]), .dies(["protocol"])])) {
                $0.limits = ["memory_bytes": 256 << 20]
            },
            .one(.protocol, "kv-huge-key", .either([.reports(["found": "0", "error": "*", "value": "*"]), .dies(["protocol"])])),
            .one(.protocol, "kv-bad-operation", .either([.reports(["found": "0", "error": "*", "value": "*"]), .dies(["protocol", "timeout"])])) {
                $0.timeoutMilliseconds = 700
            },
            .one(.protocol, "kv-flood", .dies(["protocol", "timeout"])) { $0.timeoutMilliseconds = 1_500 },
        ]
}
