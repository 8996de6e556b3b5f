public import LimenPlugin
import MarkdownPlugin

/// The library's one exported symbol.
@c(limen_plugin_entry)
public func entry(_ host: LimenHost) -> LimenEntry { markdownPlugin.serve(host) }
