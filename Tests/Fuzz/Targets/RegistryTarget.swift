internal import JSON
internal import Registry

/// The first byte chooses the role: what is accepted must be accepted again as we write it, and mean the same.
func checkManifest(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let role: Manifest.Role = first & 1 == 0 ? .asked : .granted
    let manifest: Manifest
    do throws(ManifestError) {
        manifest = try Manifest(parsing: Array(bytes[1...]), file: "fuzz", role: role)
    } catch {
        precondition(!error.problems.isEmpty, "a refusal without a reason")
        return
    }
    do throws(ManifestError) {
        let again = try Manifest(parsing: JSONValue.object(manifest.json).serialized(), file: "fuzz", role: role)
        precondition(again == manifest, "the manifest means something else when it is written out")
    } catch {
        preconditionFailure("the manifest as we write it is refused: \(error)")
    }
}

/// Any bytes as a library of a bundle: refused with a reason, or fit to be loaded.
func checkLibrary(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    do throws(ELFError) {
        try LibraryCheck.check(Array(bytes[1...]), bundled: ["libown.so"], isEntry: first & 1 == 0)
    } catch {
        precondition(!error.reason.isEmpty, "a refusal without a reason")
        precondition(error.reason.utf8.allSatisfy { (0x20...0x7e).contains($0) }, "a reason that a terminal could take for a command")
    }
}
