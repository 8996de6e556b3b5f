import Glibc
import PluginABI

/// Why a library cannot serve, in words for its author.
struct LoadFailure: Error, CustomStringConvertible {
    let description: String
}

/// Loads the one library of this worker.
enum PluginLibrary {
    /// Maps the library, runs its constructors and asks its entry symbol for the plugin.
    /// - Throws: `LoadFailure`.
    static func load(_ path: String) throws(LoadFailure) -> UnsafePointer<limen_plugin> {
        guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw LoadFailure(description: dlerror().map { String(cString: $0) } ?? "dlopen failed")
        }
        guard let symbol = dlsym(library, LIMEN_ENTRY_SYMBOL) else {
            throw LoadFailure(description: "the library exports no symbol \(LIMEN_ENTRY_SYMBOL); see limen_plugin.h")
        }
        let entry = unsafeBitCast(symbol, to: limen_plugin_entry_function.self)
        guard let plugin = entry(HostTable.shared) else { throw LoadFailure(description: "\(LIMEN_ENTRY_SYMBOL) returned NULL") }
        let needed = MemoryLayout<limen_plugin>.offset(of: \.cancel) ?? 0
        guard Int(plugin.pointee.size) >= needed else {
            throw LoadFailure(description: "limen_plugin.size is \(plugin.pointee.size), ABI 1 needs \(needed) or more")
        }
        guard plugin.pointee.abi == LIMEN_ABI_VERSION else {
            throw LoadFailure(description: "the plugin speaks ABI \(plugin.pointee.abi), this host \(LIMEN_ABI_VERSION)")
        }
        guard plugin.pointee.call != nil else { throw LoadFailure(description: "limen_plugin.call is NULL") }
        return plugin
    }
}
