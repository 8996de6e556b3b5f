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
            library: "lib/a.so", limits: WorkerLimits(), stage1: WorkerPolicy.stage1.compiled().encoded(),
            stage2: WorkerPolicy.stage2.compiled().encoded())
        #expect(try JailSpec(decoding: spec.encoded()) == spec)
        #expect(spec.encoded().count <= JailSpec.bytesMax)
        let base = JailBase(imagePath: "/i")
        #expect(try JailBase(decoding: base.encoded()) == base)
    }
}
