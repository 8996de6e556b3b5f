public import LimenPlugin
import CalcPlugin

/// The library's one exported symbol.
@c(limen_plugin_entry)
public func entry(_ host: LimenHost) -> LimenEntry { calcPlugin.serve(host) }
