import Glibc
import IO

// Wiring and the command line, nothing else: every behaviour lives in a library that tests import.
SignalSource.ignoreBrokenPipes()
exit(Commands.table.run(Array(CommandLine.arguments.dropFirst())))
