public import LimenPlugin
import SanitizerPlugin

/// The library's one exported symbol.
@c(limen_plugin_entry)
public func entry(_ host: LimenHost) -> LimenEntry { sanitizerPlugin.serve(host) }
