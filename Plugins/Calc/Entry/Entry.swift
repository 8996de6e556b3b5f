// The entry symbol of the plugin: `@_cdecl("limen_plugin_entry")` goes here, nothing else.
import CalcPlugin
