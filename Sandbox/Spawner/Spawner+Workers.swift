import CLinux
import Glibc
import Jail
import WorkerProtocol

// MARK: - Workers

extension Spawner {
    mutating func receiveSetup(_ workerID: UInt64) {
        guard let setup = workers[workerID]?.setup else { return }
        var bytes = [UInt8](repeating: 0, count: SetupMessage.bytesMax)
        var listener: Int32 = -1
        var count: Int32 = 1
        let length = clinux_receive_fds(setup, &bytes, bytes.count, &listener, &count, Int32(MSG_DONTWAIT))
        if length == -Int(EAGAIN) { return }
        // One message, then the socket is done with: the plugin must never have a line to this process.
        defer {
            _ = clinux_epoll_remove(epoll, setup)
            close(setup)
            workers[workerID]?.setup = nil
        }
        guard length > 0 else { return end(workerID, JailError("worker ended in its setup", errno: ECONNRESET)) }
        do {
            switch try SetupMessage(decoding: Array(bytes[..<length])) {
            case .failed(let step, let errno): end(workerID, JailError(step, errno: errno))
            case .filtered:
                guard (count == 1) == nursery?.builder.features.contains(.notification) else {
                    return end(workerID, JailError("listener is missing", errno: EPROTO))
                }
                if count == 1 {
                    workers[workerID]?.listener = listener
                    try watch(listener, .listener, workerID)
                }
                let answer = SetupMessage.acknowledgement
                try require("acknowledge listener", clinux_send_fds(setup, answer, answer.count, nil, 0))
            }
        } catch let error as JailError {
            end(workerID, error)
        } catch {
            end(workerID, JailError("setup message: \(error)", errno: EPROTO))
        }
    }

    /// A tripwire: records the call and kills. It is never allowed to continue.
    mutating func receiveViolation(_ workerID: UInt64) {
        guard let worker = workers[workerID], let listener = worker.listener else { return }
        var notification = clinux_notification()
        let result = clinux_seccomp_receive(listener, &notification)
        if result == 0, worker.violation == nil {
            workers[workerID]?.violation = SyscallViolation(
                number: notification.number, name: Syscall.name(notification.number),
                arguments: withUnsafeBytes(of: notification.arguments) { Array($0.bindMemory(to: UInt64.self)) })
        }
        if result == 0 || result != -Int(ENOENT) {
            _ = clinux_pidfd_send_signal(worker.pidfd, SIGKILL)
            _ = clinux_epoll_remove(epoll, listener)
            close(listener)
            workers[workerID]?.listener = nil
        }
    }

    mutating func reap() {
        while true {
            var status: Int32 = 0
            var usage = rusage()
            let pid = clinux_wait_any(&status, &usage)
            guard pid > 0 else { return }
            if pid == Int(host.pid) {
                hostStatus = clinux_exited(status) != 0 ? clinux_exit_status(status) : 1
            } else if nursery?.reap(Int32(pid)) == true {
                report("limen-spawner: a worker ended before it was used\n")
            } else if let workerID = workerByPid.removeValue(forKey: Int32(pid)) {
                // Its last words, if it died before they were read.
                receiveSetup(workerID)
                if let worker = workers.removeValue(forKey: workerID) { bury(worker, status, usage) }
            }
        }
    }

    private mutating func bury(_ worker: WorkerProcess, _ status: Int32, _ usage: rusage) {
        let exited = clinux_exited(status) != 0
        let exit = WorkerExit(
            status: exited ? clinux_exit_status(status) : nil, signal: exited ? nil : clinux_term_signal(status),
            userMicroseconds: microseconds(usage.ru_utime), systemMicroseconds: microseconds(usage.ru_stime),
            memoryPeakBytes: worker.readMemoryPeak(), outOfMemoryKills: worker.leaf?.outOfMemoryKills() ?? 0, violation: worker.violation)
        worker.closeDescriptors()
        nursery?.free(slot: worker.slot)
        if let leaf = worker.leaf, !leaf.remove() { leavesToRemove.append(leaf) }
        if let failure = worker.failure {
            send(.failed(workerID: worker.workerID, step: failure.step, errno: failure.errno))
        } else {
            send(.exited(workerID: worker.workerID, exit))
        }
    }

    private func microseconds(_ time: timeval) -> UInt64 { UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_usec) }
}
