import Glibc

// Born of limen-spawner inside fresh namespaces, with two sockets and nothing else. It jails itself, then loads one plugin and
// serves its calls until the host closes the socket.
guard CommandLine.arguments.count == 1 else {
    let message = "limen-worker is started by limen-spawner, not by hand; see `limen --help`\n"
    write(STDERR_FILENO, message, message.utf8.count)
    exit(2)
}
let setup = JailSetup()
let library = setup.run()
let frames = FrameSocket()
let runtime = PluginRuntime(frames: frames)
PluginRuntime.current = runtime
runtime.serve(library, tighten: setup.tighten)
