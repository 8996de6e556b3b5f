public import LimenPlugin
import RuntimeProbe

/// The library's one symbol.
@c(limen_plugin_entry)
public func entry(_ host: LimenHost) -> LimenEntry { runtimeProbe.serve(host) }
