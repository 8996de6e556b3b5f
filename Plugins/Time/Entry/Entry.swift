public import LimenPlugin
import TimePlugin

/// The library's one exported symbol.
@c(limen_plugin_entry)
public func entry(_ host: LimenHost) -> LimenEntry { timePlugin().serve(host) }
