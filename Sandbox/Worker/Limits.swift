/// The bounds of this target in one place.
enum WorkerBounds {
    /// How often a worker tries to hand over its listener, a millisecond apart; the host gives a jail as long to come to stand.
    static let handOverAttemptsMax = 5_000
}
