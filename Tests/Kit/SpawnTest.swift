internal import Glibc

/// The error number of a program that could not be started.
package struct SpawnFailure: Error {
    package let code: Int32
}

/// Starts the same test program again with one test alone, which a variable tells that it is meant; its process id.
package func spawnTest(_ test: String, _ variable: String, _ value: String) throws -> Int32 {
    let arguments = CommandLine.arguments.isEmpty ? [] : [CommandLine.arguments[0]]
    let rest = ["--testing-library", "swift-testing", "--filter", test]
    var pointers = (arguments + rest).map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var environment: [UnsafeMutablePointer<CChar>?] = []
    var entry = environ
    while let text = entry.pointee {
        environment.append(strdup(text))
        entry += 1
    }
    environment += [strdup("\(variable)=\(value)"), nil]
    defer { for pointer in environment { free(pointer) } }
    var child: pid_t = 0
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    let code = posix_spawn(&child, "/proc/self/exe", &actions, nil, &pointers, &environment)
    guard code == 0 else { throw SpawnFailure(code: code) }
    return child
}
