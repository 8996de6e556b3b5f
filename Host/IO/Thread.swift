import CLinux
import Glibc

/// A thread that somebody joins.
package struct Thread: ~Copyable, @unchecked Sendable {
    // SAFETY: a pthread_t is only handed to pthread_join, once, by the owner.
    private let handle: pthread_t

    private final class Start {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts a thread; `name` shows in `top -H`, at most 15 bytes of it.
    package init(name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var handle = pthread_t()
        let code = pthread_create(
            &handle, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                clinux_thread_name(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        guard code == 0 else {
            start.release()
            throw Errno(code)
        }
        self.handle = handle
    }

    /// Waits until its body has returned.
    package consuming func join() {
        let code = pthread_join(handle, nil)
        precondition(code == 0, "a thread is joined once and never by itself")
    }
}
