internal import Glibc

/// Where trusted publishers are written: `manifests/trust/` by the operator, `DATA/trust/` for the data folder's own key.
package struct TrustFolders: Sendable {
    /// The operator's folder, which the commands write.
    package let manifests: String
    /// Of the data folder's own key.
    package let data: String
    private let now: @Sendable () -> Moment

    /// Names the folders beneath a data folder and a manifest folder; neither has to exist. `now` is replaced by tests.
    package init(data: String, manifests: String, now: @escaping @Sendable () -> Moment = Moment.now) {
        (self.manifests, self.data) = (manifests + "/" + Self.name, data + "/" + Self.name)
        self.now = now
    }

    /// What the folder is called in both places.
    package static let name = "trust"

    /// Reads both folders; a file that is refused is a problem of the set, not an error. Blocking.
    ///
    /// The data folder comes first, so that no file of the operator's folder can stand in for the data folder's own publisher.
    package func load() -> TrustSet {
        var loading = Loading()
        loading.read(data, label: "data/trust")
        loading.read(manifests, label: "trust")
        return TrustSet(
            publishers: loading.publishers, problems: loading.problems, unreadable: loading.unreadable, unreadableFolder: loading.unreadableFolder,
            moment: now())
    }

    private struct Loading {
        var publishers: [String: TrustedPublisher] = [:]
        var problems: [ManifestProblem] = []
        var unreadable: [String: String] = [:]
        var unreadableFolder: String?

        mutating func read(_ path: String, label: String) {
            guard access(path, F_OK) == 0 || errno != ENOENT else { return }
            let folder = ManifestFolder(path: path)
            let files: [String]
            do {
                files = try folder.files()
            } catch {
                let problem = ManifestProblem(file: label, reason: error.problems.first?.reason ?? "cannot be read")
                problems.append(problem)
                unreadableFolder = problem.description
                return
            }
            for file in files { read(file, in: folder, label: "\(label)/\(file)") }
        }

        private mutating func read(_ file: String, in folder: ManifestFolder, label: String) {
            let name = String(file.dropLast(".json".count))
            do throws(ManifestError) {
                let publisher = try TrustedPublisher(parsing: folder.read(file), file: label)
                guard publisher.name == name else {
                    throw ManifestError(file: label, pointer: "/name", reason: "is \"\(publisher.name)\", so the file must be \(publisher.name).json")
                }
                guard publishers[name] == nil else {
                    throw ManifestError(file: label, pointer: "/name", reason: "is the name of the data folder's own publisher: choose another")
                }
                publishers[name] = publisher
            } catch {
                let found = error.problems.map { ManifestProblem(file: label, pointer: $0.pointer, reason: $0.reason) }
                problems += found
                if publishers[name] == nil { unreadable[name] = found.first?.description ?? label }
            }
        }
    }
}
