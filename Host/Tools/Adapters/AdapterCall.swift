package import Registry
package import Supervisor

/// What an adapter adapts: `model.chat` and its like.
package typealias AdapterKind = AdapterManifest.Kind

/// A request to call an adapter. The input is JSON by the contract of its kind (`AdapterContract`).
package struct AdapterCall: Sendable {
    package var kind: AdapterKind
    /// `plugin/model`, or the bare name of a model that only one plugin offers. The input's own `model` is set from it.
    package var model: String
    /// JSON, as it came.
    package var input: [UInt8]
    package var caller: Caller
    /// For logs, audit and the plugin's outward requests.
    package var requestID: String
    /// W3C trace context that the plugin goes on with, or empty.
    package var traceparent: String
    /// A shorter time than the kind's own, or nil.
    package var timeoutMilliseconds: Int?

    package init(
        kind: AdapterKind, model: String, input: [UInt8], caller: Caller, requestID: String, traceparent: String = "",
        timeoutMilliseconds: Int? = nil
    ) {
        self.kind = kind
        self.model = model
        self.input = input
        self.caller = caller
        self.requestID = requestID
        self.traceparent = traceparent
        self.timeoutMilliseconds = timeoutMilliseconds
    }
}

/// A model that an adapter plugin offers.
package struct AdapterView: Sendable, Hashable {
    package let plugin: String
    package let version: String
    package let kind: AdapterKind
    /// The bare name; nil for a plugin that takes any model as `plugin/model`.
    package let model: String?
    package let breaker: Breaker.Phase
    /// `ready`, `broken` or `disabled`, as a tool's.
    package let state: String

    /// The name that always works; ends in `*` where any model does.
    package var name: String { "\(plugin)/\(model ?? "*")" }
}

/// The time that an adapter may take (SPEC 4), in milliseconds.
struct AdapterCaps: Sendable, Hashable {
    /// In all.
    let total: Int
    /// To the first event and between two of them; nil where events are not expected.
    let silence: Int?

    init(_ kind: AdapterKind) {
        switch kind {
        case .modelChat: (total, silence) = (ToolLimits.chatMilliseconds, ToolLimits.chatSilenceMilliseconds)
        case .modelEmbed, .speechTranscribe, .speechSynthesize: (total, silence) = (ToolLimits.adapterMilliseconds, nil)
        case .parserDocument: (total, silence) = (ToolLimits.parserMilliseconds, nil)
        case .modelTrain: (total, silence) = (ToolLimits.trainMilliseconds, ToolLimits.trainSilenceMilliseconds)
        }
    }
}
