import CLinux
import Glibc
import Jail
import WorkerProtocol

/// Steps 4 to 9 of the jail, as told by the spawner over the setup socket.
final class JailSetup {
    private var jail: Jail?

    /// Jails this process, or ends it after telling the spawner which step failed.
    /// - Returns: path of the library inside the jail.
    func run() -> String {
        do {
            let base = try JailBase(decoding: receive(upTo: JailBase.bytesMax).bytes)
            try Jail.prepare(base, keepingDescriptorsBelow: WorkerDescriptor.count)
            // Nobody waits for a worker that has no plugin yet: from here on a fault taken is a fault that a start does not take.
            clinux_populate_code()
            let (bytes, descriptors) = try receive(upTo: JailSpec.bytesMax, descriptorsMax: JailSpec.descriptorCountMax)
            let spec = try JailSpec(decoding: bytes)
            guard descriptors.count == spec.descriptorCount, spec.rung.hasNamespaces == (base.imagePath != nil) else {
                throw JailError("jail specification carries \(descriptors.count) descriptors", errno: EPROTO)
            }
            try require("frame socket", checked(dup2(descriptors[0], WorkerDescriptor.frames)))
            close(descriptors[0])
            let jail = Jail(spec)
            self.jail = jail
            let posture = try jail.enter(
                bundle: spec.rung.hasNamespaces ? descriptors[1] : nil, authorities: spec.hasAuthorities ? descriptors.last : nil)
            try handOver(listener: jail.filter())
            try jail.selfTest()
            try announce(posture)
            // Before any code that might read it; the process has one thread.
            if spec.hasSocket { setenv(ProxyDoor.variable.name, ProxyDoor.variable.value, 1) }
            if spec.isProbe { _exit(0) }
            return spec.bundleInside + "/" + spec.library
        } catch let error as JailError {
            fail(step: error.step, errno: error.errno)
        } catch {
            fail(step: "jail specification: \(error)", errno: EPROTO)
        }
    }

    /// Step 11; a failure ends the process, since nothing may run half jailed.
    func tighten() {
        do { try jail?.tighten() } catch { fail(step: error.step, errno: error.errno) }
    }

    /// The spawner's next message with its descriptors; ends in an error when the spawner is gone.
    private func receive(upTo bytesMax: Int, descriptorsMax: Int32 = 0) throws -> (bytes: [UInt8], descriptors: [Int32]) {
        var first: UInt8 = 0
        let peek = Int32(MSG_PEEK | MSG_TRUNC)
        let length = try require("jail specification", checked(Int32(recv(WorkerDescriptor.setup, &first, 1, peek))))
        guard (1...bytesMax).contains(length) else { throw JailError("jail specification", errno: EMSGSIZE) }
        var bytes = [UInt8](repeating: 0, count: length)
        var descriptors = [Int32](repeating: -1, count: Int(descriptorsMax))
        var count = descriptorsMax
        try require("jail specification", clinux_receive_fds(WorkerDescriptor.setup, &bytes, bytes.count, &descriptors, &count, 0))
        return (bytes, Array(descriptors[..<Int(count)]))
    }

    /// Gives the listener, if there is one, to the spawner and waits until it watches; afterwards no copy of it is left here.
    private func handOver(listener: Int32?) throws {
        var descriptor = listener ?? -1
        let message = SetupMessage.filtered.encoded()
        var sent = 0
        for attempt in 1...WorkerBounds.handOverAttemptsMax {
            sent = clinux_send_fds(WorkerDescriptor.setup, message, message.count, &descriptor, listener == nil ? 0 : 1)
            // Without root the whole account's descriptors on their way count, and many starts at once have more of them than a worker may open
            // files. They arrive as the spawner comes round to them.
            guard sent == -Int(ETOOMANYREFS), attempt < WorkerBounds.handOverAttemptsMax else { break }
            usleep(1_000)
        }
        try require("hand over listener", sent)
        if let listener { close(listener) }
        var answer: UInt8 = 0
        try require("listener acknowledged", checked(Int32(read(WorkerDescriptor.setup, &answer, 1))))
        guard [answer] == SetupMessage.acknowledgement else { throw JailError("listener acknowledged") }
    }

    private func announce(_ posture: Jail.Posture) throws {
        let payload = JailedPayload(
            rung: posture.rung.name, landlockABI: UInt32(posture.landlockABI), memoryDenyWriteExecute: posture.memoryDenyWriteExecute)
        try FrameSocket().send(Frame(type: .jailed, callID: 0, payload: payload.encoded()).encoded())
        close(WorkerDescriptor.setup)
    }

    private func fail(step: String, errno: Int32) -> Never {
        let message = SetupMessage.failed(step: step, errno: errno).encoded()
        _ = clinux_send_fds(WorkerDescriptor.setup, message, message.count, nil, 0)
        _exit(1)
    }
}
