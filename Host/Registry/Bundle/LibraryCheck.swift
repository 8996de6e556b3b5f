/// The rules for a library that a jail may load; the jail holds without them, they make refusals early and clear.
package enum LibraryCheck {
    /// The symbol that a plugin exports (`LIMEN_ENTRY_SYMBOL`).
    package static let entrySymbol = "limen_plugin_entry"

    /// Debian's and Swift's runtime libraries that the jail shows; a plugin may need these and its own, and no others.
    package static let runtimeLibraries: Set<String> = [
        "libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1",
        "libutil.so.1", "libgcc_s.so.1", "libstdc++.so.6", "libz.so.1", "libpcre2-8.so.0", "libcmark-gfm.so.0.29.0.gfm.6",
        "libcmark-gfm-extensions.so.0.29.0.gfm.6", "libgumbo.so.1",
        "libswiftCore.so", "libswift_Concurrency.so", "libswift_StringProcessing.so", "libswift_RegexParser.so", "libswift_Builtin_float.so",
        "libswiftRegexBuilder.so", "libswiftGlibc.so", "libswiftSynchronization.so", "libswiftObservation.so", "libswiftDispatch.so",
        "libswiftSwiftOnoneSupport.so", "libdispatch.so", "libBlocksRuntime.so", "libFoundation.so", "libFoundationEssentials.so",
        "libFoundationInternationalization.so", "lib_FoundationICU.so",
    ]

    /// Refuses a library that needs others than its bundle's and the runtime's, or asks the loader for anything that the jail forbids.
    ///
    /// `bundled` holds the file names under lib/; `isEntry` says whether this is the manifest's library, which must export the entry symbol.
    package static func check(_ bytes: [UInt8], bundled: Set<String>, isEntry: Bool) throws(ELFError) {
        let image = try ELFImage(parsing: bytes)
        try checkSegments(image)
        try checkDynamic(image, bundled)
        if isEntry, try !image.exportsFunction(entrySymbol) {
            throw ELFError(reason: "does not export the function \(entrySymbol)")
        }
    }

    private static func checkSegments(_ image: ELFImage) throws(ELFError) {
        for segment in image.segments where segment.type == ELFConstant.segmentLoad && segment.flags & 3 == 3 {
            throw ELFError(reason: "has a segment that is writable and executable")
        }
        // Without the note, the loader makes every stack of the process executable.
        guard let stack = image.segments.first(where: { $0.type == ELFConstant.segmentStack }) else {
            throw ELFError(reason: "asks for an executable stack (it has no PT_GNU_STACK)")
        }
        guard stack.flags & 1 == 0 else { throw ELFError(reason: "asks for an executable stack") }
    }

    private static func checkDynamic(_ image: ELFImage, _ bundled: Set<String>) throws(ELFError) {
        for entry in image.dynamic {
            switch entry.tag {
            case ELFConstant.needed:
                let name = try image.string(entry.value)
                guard runtimeLibraries.contains(name) || bundled.contains(name) else {
                    throw ELFError(reason: "needs \(printable(name)), which is neither in the bundle's lib/ nor in the jail's runtime")
                }
            case ELFConstant.rpath, ELFConstant.runpath:
                for path in try image.string(entry.value).split(separator: ":", omittingEmptySubsequences: false) {
                    guard isOwnPath(path) else {
                        throw ELFError(reason: "searches \(printable(String(path))) for libraries; only $ORIGIN is allowed")
                    }
                }
            case ELFConstant.audit, ELFConstant.depaudit, ELFConstant.auxiliary, ELFConstant.filter:
                throw ELFError(reason: "asks the loader for audit or filter libraries")
            case ELFConstant.textRelocations: throw ELFError(reason: "has text relocations, which need writable code")
            case ELFConstant.flags where entry.value & 4 != 0: throw ELFError(reason: "has text relocations, which need writable code")
            default: continue
            }
        }
    }

    private static func isOwnPath(_ path: Substring) -> Bool {
        guard path == "$ORIGIN" || path == "${ORIGIN}" || path.hasPrefix("$ORIGIN/") || path.hasPrefix("${ORIGIN}/") else { return false }
        return !path.split(separator: "/").contains("..")
    }

    private static func printable(_ text: String) -> String {
        String(decoding: text.utf8.prefix(128).map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
