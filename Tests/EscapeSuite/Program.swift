import CLinux
import Glibc

/// A child process of the suite: started, its output passed on line by line, waited for.
struct Program {
    var path: String
    var arguments: [String]
    /// Runs in the child before the program, single-threaded; false ends the child.
    var prepare: () -> Bool = { true }

    /// Runs to the end.
    /// - Returns: the exit status, 128 and the signal's number for one that was killed.
    func run(line: (String) -> Void) throws(EscapeError) -> Int32 {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0, fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0, fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0 else {
            throw EscapeError("pipe: errno \(errno)")
        }
        var pidfd: Int32 = -1
        let child = clinux_clone3(0, &pidfd, -1)
        if child == 0 { become(output: ends[1]) }
        close(ends[1])
        guard child > 0 else { throw EscapeError("start \(path): errno \(-child)") }
        close(pidfd)
        readLines(ends[0], line)
        close(ends[0])
        var status: Int32 = 0
        while waitpid(pid_t(child), &status, 0) < 0, errno == EINTR {}
        return clinux_exited(status) != 0 ? clinux_exit_status(status) : 128 + clinux_term_signal(status)
    }

    private func become(output: Int32) -> Never {
        guard prepare(), dup2(output, 1) == 1 else { _exit(126) }
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
        words.append(nil)
        execvp(path, words)
        perror(path)
        _exit(127)
    }

    private func readLines(_ fd: Int32, _ line: (String) -> Void) {
        var pending: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = read(fd, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            pending += chunk[..<count]
            while let end = pending.firstIndex(of: 10) {
                line(String(decoding: pending[..<end], as: UTF8.self))
                pending.removeSubrange(...end)
            }
        }
        if !pending.isEmpty { line(String(decoding: pending, as: UTF8.self)) }
    }
}
