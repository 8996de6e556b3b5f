/// What an operator may set about the API.
package struct APIOptions: Sendable {
    /// Longest request body of a route that names no limit of its own, in bytes (`limits.body_bytes`).
    package var bodyBytesMax = 2 << 20
    /// Longest reply, or event of a stream, in bytes: what one connection may have unsent (`limits.output_bytes`).
    package var outputBytesMax = 16 << 20
    /// Whether new work is turned away until memory is free again (`limits.memory_high_water_bytes`).
    package var isShortOfMemory: @Sendable () -> Bool = { false }
    /// Requests by class and caller (`limits.rates`); a class that is not named has its standard.
    package var rates: [LimitClass: RatePolicy] = [:]
    /// The buckets of all classes, where they are more than `rates` of this process.
    package var limiter: RateLimiter?
    /// Places of users; none is bounded without them.
    package var leases: ConcurrencyLeases?
    /// WebSockets of one user at once.
    package var socketsPerUserMax = Limits.socketsPerUserMax
    /// Origins whose pages may call (`http.cors_origins`).
    package var corsOrigins: [String] = []

    /// The defaults.
    package init() {}
}
