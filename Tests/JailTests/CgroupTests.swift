import Glibc
import Testing

@testable import Jail
import WorkerProtocol

@Suite("Cgroup layout")
struct CgroupTests {
    private let v1Mounts = """
        30 25 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro
        31 30 0:27 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory
        32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
        33 30 0:29 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
        """

    @Test("version 1: own folder of each hierarchy, controllers mounted together included")
    func legacy() throws {
        let layout = try CgroupLayout.parse(mountinfo: v1Mounts, membership: "4:memory:/a/b\n3:cpu,cpuacct:/\n2:pids:/x\n")
        #expect(
            layout.version == .v1(["memory": "/sys/fs/cgroup/memory/a/b", "cpu": "/sys/fs/cgroup/cpu,cpuacct", "pids": "/sys/fs/cgroup/pids/x"]))
    }

    @Test("a hierarchy mounted from a subfolder, as in containers, is addressed from there")
    func subfolder() throws {
        let mounts = v1Mounts.replacing("0:27 / ", with: "0:27 /docker/c1 ")
        let layout = try CgroupLayout.parse(mountinfo: mounts, membership: "4:memory:/docker/c1/w\n3:cpu,cpuacct:/\n2:pids:/\n")
        guard case .v1(let own) = layout.version else { throw JailError("version") }
        #expect(own["memory"] == "/sys/fs/cgroup/memory/w")
    }

    @Test("version 2 with the controllers wins; a hybrid host's empty one does not", arguments: [true, false])
    func unified(hasControllers: Bool) throws {
        var template = Array("/tmp/limen-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw JailError("mkdtemp", errno: errno) }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            unlink(folder + "/cgroup.controllers")
            rmdir(folder)
        }
        close(open(folder + "/cgroup.controllers", O_CREAT | O_WRONLY, 0o600))
        try writeText(hasControllers ? "cpuset cpu io memory pids\n" : "\n", to: folder + "/cgroup.controllers")
        let membership = "4:memory:/\n3:cpu,cpuacct:/\n2:pids:/\n0::/user.slice/a.scope\n"
        let layout = try CgroupLayout.parse(mountinfo: v1Mounts + "\n40 30 0:40 / \(folder) rw - cgroup2 cgroup2 rw\n", membership: membership)
        if hasControllers {
            #expect(layout.version == .v2(folder + "/user.slice/a.scope"))
        } else {
            guard case .v1 = layout.version else { throw JailError("version 1 is not used") }
        }
    }

    @Test("a missing controller is named")
    func missing() {
        #expect(throws: JailError("cgroup controller pids is in no hierarchy", errno: 2)) {
            try CgroupLayout.parse(mountinfo: v1Mounts, membership: "4:memory:/\n3:cpu,cpuacct:/\n")
        }
    }
}

@Suite("Jail specification")
struct JailSpecTests {
    @Test("a specification survives the wire")
    func roundTrip() throws {
        let file = VerifiedFile(path: "lib/a.so", device: 1, inode: 2, size: 3, changeSeconds: 4, changeNanoseconds: 5)
        let spec = JailSpec(
            rung: .userNamespace, userID: 5, groupID: 6, bundlePath: "/b", bundleDevice: 7, bundleInode: 8, files: [file],
            library: "lib/a.so", limits: WorkerLimits(), stage1: WorkerPolicy.stage1(on: .root).compiled().encoded(),
            stage2: WorkerPolicy.stage2().compiled().encoded())
        #expect(try JailSpec(decoding: spec.encoded()) == spec)
        #expect(spec.encoded().count <= JailSpec.bytesMax)
        let base = JailBase(imagePath: "/i")
        #expect(try JailBase(decoding: base.encoded()) == base)
    }
}
