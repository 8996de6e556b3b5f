import CLinux
import Glibc
import Jail
import WorkerProtocol

/// What the spawner was started with, as every rung needs it.
struct Ground {
    let options: SpawnerOptions
    /// Absolute; belongs to the host's account.
    let dataFolder: String
    /// Where the runtime image is mounted.
    var mountPoint: String { dataFolder + "/run/jail" }
    /// An empty folder that stands for a bundle in the trial of a rung.
    var trialFolder: String { dataFolder + "/run/trial" }
    let account: HostProcess.Account
    let cgroups: CgroupGround
}

/// Builds the jails of one rung; the process that makes one is in that rung's namespaces from then on.
struct JailBuilder {
    let rung: Rung
    let features: JailFeatures
    /// Nil where workers see the host's own files.
    let image: RuntimeImage?
    let birth: WorkerBirth
    private let options: SpawnerOptions
    /// The host's account as this process's namespace numbers it.
    private let hostUserID: uid_t
    private let stage1: [UInt8]
    private let stage2: [UInt8]

    /// Enters the rung's namespaces and prepares what all its workers share.
    /// - Throws: `JailError`.
    init(_ rung: Rung, _ features: JailFeatures, _ ground: Ground) throws(JailError) {
        self.rung = rung
        self.features = features
        options = ground.options
        if rung.hasNamespaces {
            try Self.enterNamespaces(rung)
            image = try RuntimeImage.build(at: ground.mountPoint, worker: options.workerPath, swiftRuntime: options.swiftRuntime)
        } else {
            image = nil
        }
        hostUserID = rung == .userNamespace ? 0 : ground.account.userID
        birth = try WorkerBirth(program: image?.worker ?? options.workerPath, rung: rung)
        stage1 = WorkerPolicy.stage1(on: rung, reportsTripwires: features.contains(.notification)).compiled().encoded()
        stage2 = WorkerPolicy.stage2.compiled().encoded()
    }

    private static func enterNamespaces(_ rung: Rung) throws(JailError) {
        let outer = (userID: getuid(), groupID: getgid())
        if rung == .userNamespace {
            try require("user namespace", clinux_unshare(Int32(CLONE_NEWUSER)))
            try UserNamespace.mapSelf(outer: outer)
        }
        try require("mount namespace", clinux_unshare(Int32(CLONE_NEWNS)))
        try require("mount propagation", clinux_mount(nil, "/", nil, UInt(MS_REC | MS_PRIVATE), nil))
    }

    /// What a worker is told, after a look at the bundle that it was given.
    /// - Throws: `JailError`.
    func specification(_ request: SpawnRequest, slot: Int, bundle: Int32) throws(JailError) -> JailSpec {
        var information = stat()
        try require("inspect bundle", checked(fstat(bundle, &information)))
        guard information.st_mode & S_IFMT == S_IFDIR else { throw JailError("bundle is not a folder", errno: ENOTDIR) }
        // The host may have only its own store mounted, not whatever folder it can name.
        guard information.st_uid == hostUserID else { throw JailError("bundle does not belong to the host's account", errno: EACCES) }
        let identity = identity(slot)
        return JailSpec(
            rung: rung, features: features, userID: identity.userID, groupID: identity.groupID, imagePath: image?.path ?? "",
            bundlePath: request.bundlePath, bundleDevice: UInt64(information.st_dev), bundleInode: UInt64(information.st_ino),
            files: request.files, library: request.library, limits: request.limits, stage1: stage1, stage2: stage2)
    }

    /// In a namespace of its own a worker is user 0 by number and nobody by right; without one it is the account.
    private func identity(_ slot: Int) -> (userID: UInt32, groupID: UInt32) {
        switch rung {
        case .root: (options.userIDBase + UInt32(slot), options.userIDBase + UInt32(slot))
        case .userNamespace: (0, 0)
        case .landlock, .seccomp: (getuid(), getgid())
        }
    }
}
