public import LimenPlugin

/// Exercises what the Swift runtime needs inside a jail: each tool one part of it, `mixed` all of them in turn.
public let runtimeProbe = Plugin(
    name: "runtimeprobe", version: "1.0.0",
    tools: [
        EchoProbe(), ActorProbe(), GroupProbe(), AsyncLetProbe(), SleepProbe(), CastProbe(), GenericProbe(), CodableProbe(),
        MixedProbe(), StreamProbe(), WaitProbe(), SpinProbe(), DetachedProbe(), ChanceProbe(),
    ], adapters: [CountingChat()])
