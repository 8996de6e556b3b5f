import MoonshotPlugin
public import LimenPlugin

/// The library's one exported symbol.
@c(limen_plugin_entry)
public func entry(_ host: LimenHost) -> LimenEntry { moonshotPlugin.serve(host) }
