import EscapeSuite
import Glibc

var options = CommandLineOptions(Array(CommandLine.arguments.dropFirst()))
exit(options.run())
