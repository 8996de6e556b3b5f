import CLinux
import Glibc

/// Sends bytes with an open descriptor beside them, as a hostile plugin would.
package func sendDescriptor(_ socket: Int32, _ bytes: [UInt8]) {
    let fd = open("/dev/null", O_RDONLY)
    defer { close(fd) }
    _ = bytes.withUnsafeBytes { clinux_send_fds(socket, $0.baseAddress, $0.count, [fd], 1) }
}
