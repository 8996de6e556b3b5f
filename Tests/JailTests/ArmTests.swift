import CSeccomp
import Glibc
import TestKit
import Testing

@testable import Jail

/// What can be held of arm64 on another machine: the policy as data, its filter evaluated as the kernel would, and every C source compiled against
/// Debian's arm64 headers. What runs on an arm64 kernel is run by `make test-arm64`.
@Suite("arm64, from afar")
struct ArmTests {
    private static let policies = SeccompTests.policies.filter { $0.policy.architecture == .arm64 }

    @Test("random calls are answered by the filter for arm64 as the policy says", arguments: policies.indices)
    func filter(index: Int) {
        let policy = Self.policies[index].policy
        let machine = FilterMachine(program: policy.compiled())
        var random = SeededRandom()
        for _ in 0..<50_000 {
            let (number, arguments) = RandomPolicy.call(policy, &random)
            let wanted = policy.action(number: number, arguments: arguments).returnValue
            #expect(
                machine.run(architecture: Architecture.arm64.auditValue, number: number, arguments: arguments) == wanted, "LIMEN_SEED=\(random.seed)")
        }
    }

    @Test("a thread's clone has its flags first on arm64 as well, so the same rule finds them")
    func cloneFlags() throws {
        let policy = WorkerPolicy.stage1(on: .root, for: .arm64)
        let clone = try #require(SyscallNumber.of("clone", on: .arm64))
        // clone(flags, stack, parent_tid, tls, child_tid): arm64 swaps the last two against x86-64 (CONFIG_CLONE_BACKWARDS), never the first.
        #expect(policy.action(number: clone, arguments: [0x3d0f00, 1, 2, 3, 4, 5]) == .allow)
        #expect(policy.action(number: clone, arguments: [0x1000_0000, 0, 0, 0, 0, 0]) == .tripwire)
        #expect(policy.action(number: clone, arguments: [0x11, 0, 0, 0, 0, 0]) == .errno(EPERM))
    }

    /// The package's root.
    private static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

    /// Runs clang for an architecture; what it says goes to this process's standard error.
    private static func compile(_ words: String, for architecture: Architecture) -> Int32 {
        let target = architecture == .arm64 ? "--target=aarch64-linux-gnu -isystem /usr/aarch64-linux-gnu/include" : "--target=x86_64-linux-gnu"
        return system("clang \(target) -std=gnu17 -Wall -Werror -c -o /dev/null \(words)")
    }

    @Test(
        "every C source of ours compiles for arm64 against Debian's headers, assembly and the plugin template included",
        arguments: [
            "Sandbox/CLinux/clinux.c", "Sandbox/CLinux/clinux_birth.c", "Sandbox/CLinux/clinux_io.c", "Sandbox/CLinux/clinux_net.c",
            "SDK/PluginABI/abi.c",
            "SDK/Templates/c/plugin.c",
            "Plugins/Sysprobe/Sources/sysprobe.c", "Tests/Fixtures/ABI1/plugin.c",
        ])
    func sources(path: String) {
        let headers = ["Sandbox/CLinux/include", "SDK/PluginABI/include"].map { "-I\(Self.root)/\($0)" }.joined(separator: " ")
        #expect(Self.compile("\(headers) \(Self.root)/\(path)", for: .arm64) == 0)
    }

    @Test("every number of the policy's is the one of Debian's kernel headers, and what has none there has none", arguments: Architecture.allCases)
    func headers(architecture: Architecture) throws {
        let lines = Syscall.allCases.map { call in
            guard let number = call.number(on: architecture) else { return "#ifdef __NR_\(call)\n#error \(call)\n#endif" }
            let holds = "_Static_assert(__NR_\(call) == \(number), \"\(call)\");"
            // Debian 12's headers are older than one of the calls.
            return call == .open_tree_attr ? "#ifdef __NR_\(call)\n\(holds)\n#endif" : holds
        }
        let path = "/tmp/limen-numbers-\(getpid()).c"
        let file = try #require(fopen(path, "w"))
        fputs("#include <asm/unistd.h>\n" + lines.joined(separator: "\n") + "\n", file)
        fclose(file)
        defer { unlink(path) }
        #expect(Self.compile(path, for: architecture) == 0)
    }
}
