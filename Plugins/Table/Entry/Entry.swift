public import LimenPlugin
import TablePlugin

/// The library's one exported symbol.
@c(limen_plugin_entry)
public func entry(_ host: LimenHost) -> LimenEntry { tablePlugin.serve(host) }
