public import LimenPlugin
import WebPlugin

/// The library's one exported symbol.
@c(limen_plugin_entry)
public func entry(_ host: LimenHost) -> LimenEntry { webPlugin.serve(host) }
