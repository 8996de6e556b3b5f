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
    /// Stage 1 of a worker that may make TCP sockets.
    private let socketStage1: [UInt8]
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
        socketStage1 =
            WorkerPolicy.stage1(on: rung, reportsTripwires: features.contains(.notification), hasSocket: true).compiled().encoded()
        stage2 = WorkerPolicy.stage2().compiled().encoded()
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

    /// Sockets are for workers with a network namespace of their own: on the host's loopback, port 3128 may be anybody's, and Landlock, which can hold a
    /// process to a port, does not say whose port it is.
    /// - Throws: `JailError`.
    func checkSocketGrant(_ request: SpawnRequest) throws(JailError) {
        guard request.hasSocket, !rung.hasNamespaces else { return }
        throw JailError(
            "`socket: true` is refused on the rung `\(rung.name)`, where a worker has no network of its own; `limen doctor` says how to get network namespaces, or grant `fetch` without `socket`"
        )
    }

    /// The folder that a request means, by inode.
    struct Bundle {
        let device: UInt64
        let inode: UInt64
    }

    /// Looks at the bundle that a request came with.
    /// - Throws: `JailError`.
    func inspect(bundle: Int32) throws(JailError) -> Bundle {
        var information = stat()
        try require("inspect bundle", checked(fstat(bundle, &information)))
        guard information.st_mode & S_IFMT == S_IFDIR else { throw JailError("bundle is not a folder", errno: ENOTDIR) }
        // The host may have only its own store mounted, not whatever folder it can name.
        guard information.st_uid == hostUserID else { throw JailError("bundle does not belong to the host's account", errno: EACCES) }
        return Bundle(device: UInt64(information.st_dev), inode: UInt64(information.st_ino))
    }

    /// What the worker of a slot is told.
    func specification(_ request: SpawnRequest, slot: Int, _ bundle: Bundle) -> JailSpec {
        let identity = identity(slot)
        return JailSpec(
            rung: rung, features: features, userID: identity.userID, groupID: identity.groupID, bundlePath: request.bundlePath,
            bundleDevice: bundle.device, bundleInode: bundle.inode,
            files: request.files, library: request.library, limits: request.limits,
            stage1: request.hasSocket ? socketStage1 : stage1, stage2: stage2, hasSocket: request.hasSocket,
            hasAuthorities: request.hasSocket && access(options.authorities, R_OK) == 0)
    }

    /// What a worker process is told at its birth.
    var base: JailBase { JailBase(imagePath: image?.path) }

    /// Tells a process that waits which worker it is.
    /// - Throws: `JailError`.
    func assign(_ spec: JailSpec, frames: Int32, over setup: Int32) throws(JailError) {
        var descriptors = [frames]
        defer { for tree in descriptors.dropFirst() { close(tree) } }
        if rung.hasNamespaces {
            // By path, which the host chose: the worker compares what it got with the inode that was verified.
            descriptors.append(Int32(try require("open bundle", clinux_sealed_tree(spec.bundlePath))))
        }
        if spec.hasAuthorities {
            descriptors.append(Int32(try require("open \(options.authorities)", clinux_sealed_tree(options.authorities))))
        }
        let bytes = spec.encoded()
        try require("send specification", clinux_send_fds(setup, bytes, bytes.count, &descriptors, Int32(descriptors.count)))
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
