import Glibc

// The one process that keeps privilege: no secrets, no network, no threads, a fixed table of requests.
let options: SpawnerOptions
switch SpawnerOptions.parse(Array(CommandLine.arguments.dropFirst())) {
case .success(let parsed): options = parsed
case .failure(let usage):
    report(usage.text)
    exit(usage.isHelp ? 0 : 2)
}
exit(Janitor(options).run())
