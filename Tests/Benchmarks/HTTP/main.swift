import Glibc
import HTTP
import IO

// The server that `make bench-http` and Tests/LoadTests put under load: Host/IO and Host/HTTP with handlers that do next to nothing.
SignalSource.ignoreBrokenPipes()
do {
    let options = try BenchOptions(Array(CommandLine.arguments.dropFirst()))
    try BenchServer.run(options)
} catch {
    BenchServer.say("limen-bench-http: \(error)\n", to: STDERR_FILENO)
    exit(2)
}
