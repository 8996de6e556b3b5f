import Glibc
import Jail

// The one process that keeps privilege: no secrets, no network, no threads, a fixed table of requests.
var options: SpawnerOptions
switch SpawnerOptions.parse(Array(CommandLine.arguments.dropFirst())) {
case .success(let parsed): options = parsed
case .failure(let usage):
    report(usage.text)
    exit(usage.isHelp ? 0 : 2)
}
do { options.sockets = try ListeningSockets.inherited() } catch {
    report("limen-spawner: \(error.step): \(describe(errno: error.errno))\n")
    exit(1)
}
exit(Janitor(options).run())
