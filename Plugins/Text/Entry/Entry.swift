public import LimenPlugin
import TextPlugin

/// The library's one exported symbol.
@c(limen_plugin_entry)
public func entry(_ host: LimenHost) -> LimenEntry { textPlugin.serve(host) }
