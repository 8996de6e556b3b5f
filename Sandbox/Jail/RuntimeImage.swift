import CLinux
import Glibc

/// The file system that every worker starts from: a read-only tree with the runtime libraries, time zones, three devices and
/// the mount points of what is a worker's own. Built once, in the spawner's own mount namespace, so it dies with it.
package struct RuntimeImage: Sendable {
    /// Where it is mounted.
    package let path: String
    /// What it holds, by soname.
    package let libraries: [String]
    /// The worker program inside the image: executed from here, so that `/proc/self` tells a plugin nothing of where Limen lives.
    package let worker: String

    /// Sonames that a bundle's libraries may need; those that this machine has are bound into the image.
    package static let allowedLibraries: [String] = [
        "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "libresolv.so.2", "libgcc_s.so.1",
        "libstdc++.so.6", "libz.so.1", "libpcre2-8.so.0", "libcmark-gfm.so.0.29.0.gfm.6", "libcmark-gfm-extensions.so.0.29.0.gfm.6",
        "libgumbo.so.1",
    ]

    /// Libraries of the Swift runtime, for plugins that are not self-contained.
    package static let swiftLibraries: [String] = [
        "libswiftCore.so", "libswift_Concurrency.so", "libswift_StringProcessing.so", "libswift_RegexParser.so", "libswiftGlibc.so",
        "libswiftSynchronization.so", "libswift_Builtin_float.so", "libswiftSwiftOnoneSupport.so", "libdispatch.so", "libBlocksRuntime.so",
        "libswiftDispatch.so", "libFoundation.so", "libFoundationEssentials.so", "libFoundationInternationalization.so", "lib_FoundationICU.so",
    ]

    #if arch(x86_64)
        private static let multiarch = "x86_64-linux-gnu"
        private static let loader = ("/lib64/ld-linux-x86-64.so.2", "/usr/lib64/ld-linux-x86-64.so.2")
    #else
        private static let multiarch = "aarch64-linux-gnu"
        private static let loader = ("/lib/ld-linux-aarch64.so.1", "/usr/lib/ld-linux-aarch64.so.1")
    #endif
    private static let libraryFolder = "/usr/lib/" + multiarch

    /// Those of `allowedLibraries` that this machine has, by path.
    package static var allowedLibraryFiles: [String] { allowedLibraries.map { libraryFolder + "/" + $0 }.filter { access($0, R_OK) == 0 } }

    /// Mounts and fills the image at `path`, an existing folder.
    /// - Parameter worker: the worker program's file.
    /// - Parameter swiftRuntime: folder of the Swift runtime's shared libraries, or nil when there is none.
    /// - Throws: `JailError` naming the mount that failed.
    package static func build(at path: String, worker: String, swiftRuntime: String?) throws(JailError) -> RuntimeImage {
        try require("mount runtime image", clinux_mount("limen", path, "tmpfs", UInt(MS_NOSUID | MS_NODEV), "mode=0755,size=1m"))
        for folder in [
            "/usr", "/usr/lib", "/usr/lib64", "/usr/libexec", libraryFolder, "/usr/share", "/usr/share/zoneinfo", "/bundle", "/scratch", "/proc",
            "/dev", "/etc", "/etc/ssl", "/etc/ssl/certs", "/usr/lib/ssl",
        ] {
            try require("make \(folder)", checked(mkdir(path + folder, 0o755)))
        }
        try require("link /lib", checked(symlink("usr/lib", path + "/lib")))
        // Empty, but for a worker that may speak TLS.
        try makeFile(path + ProxyDoor.authoritiesPath)
        try require("link authorities", checked(symlink(ProxyDoor.authoritiesPath, path + ProxyDoor.authoritiesLink)))
        try require("link /lib64", checked(symlink("usr/lib64", path + "/lib64")))
        try bind(loader.0, to: path + loader.1)
        let program = path + "/usr/libexec/limen-worker"
        try bind(worker, to: program)
        var libraries: [String] = []
        for name in allowedLibraries where try bindIfPresent(libraryFolder + "/" + name, to: path + libraryFolder + "/" + name) {
            libraries.append(name)
        }
        if let swiftRuntime {
            for name in swiftLibraries where try bindIfPresent(swiftRuntime + "/" + name, to: path + libraryFolder + "/" + name) {
                libraries.append(name)
            }
        }
        try mount("/usr/share/zoneinfo", on: path + "/usr/share/zoneinfo", attributes: sealed)
        for device in ["null", "zero", "urandom"] {
            try makeFile(path + "/dev/" + device)
            try mount("/dev/" + device, on: path + "/dev/" + device, attributes: UInt64(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC))
        }
        try require("seal runtime image", clinux_mount_setattr(path, 0, sealed, 0))
        return RuntimeImage(path: path, libraries: libraries, worker: program)
    }

    private static let sealed = UInt64(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

    private static func bindIfPresent(_ source: String, to target: String) throws(JailError) -> Bool {
        guard access(source, R_OK) == 0 else { return false }
        try bind(source, to: target)
        return true
    }

    private static func bind(_ source: String, to target: String) throws(JailError) {
        try makeFile(target)
        try mount(source, on: target, attributes: sealed)
    }

    private static func mount(_ source: String, on target: String, attributes: UInt64) throws(JailError) {
        try require("bind \(source)", clinux_mount(source, target, nil, UInt(MS_BIND), nil))
        try require("seal \(source)", clinux_mount_setattr(target, 0, attributes, 0))
    }

    private static func makeFile(_ path: String) throws(JailError) {
        let fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o444)
        try require("make \(path)", checked(fd))
        close(fd)
    }
}
