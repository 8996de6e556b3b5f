import CLinux
import Glibc
import Jail
import WorkerProtocol

/// Finds the strongest rung that this machine and account hold, by starting a real worker on each until one stands.
struct Ladder {
    /// What came of one rung.
    struct Attempt {
        let rung: Rung
        let result: Result<JailedPayload, JailError>

        /// The step that did not hold.
        var failure: JailError? { if case .failure(let error) = result { error } else { nil } }
    }

    let features: KernelFeatures
    /// In the order in which they were tried; the last one holds, or none does.
    let attempts: [Attempt]

    /// The rung that holds, with what its worker said of itself.
    var held: (rung: Rung, proof: JailedPayload)? {
        guard let last = attempts.last, case .success(let proof) = last.result else { return nil }
        return (last.rung, proof)
    }

    /// Climbs down from the strongest rung. Nothing of it stays with this process.
    static func climb(_ ground: Ground) -> Ladder {
        let features = KernelFeatures.find()
        var attempts: [Attempt] = []
        for rung in rungs(features) {
            attempts.append(Attempt(rung: rung, result: RungTrial(rung, features, ground).run()))
            if case .success = attempts[attempts.count - 1].result { break }
        }
        return Ladder(features: features, attempts: attempts)
    }

    /// The weaker rungs are an ordinary account's: root without the right to mount has no business with plugins.
    private static func rungs(_ features: KernelFeatures) -> [Rung] {
        if getuid() == 0 { return [.root] }
        return features.landlock == 0 ? [.userNamespace, .landlock, .seccomp] : [.userNamespace, .seccomp]
    }
}
