/// Decimal text without Foundation.
enum Numbers {
    /// The number with that many digits after the point, rounded half away from zero.
    static func text(_ value: Double, digits: Int) -> String {
        guard value.isFinite else { return "-" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int64((value * scale).rounded())
        guard digits > 0 else { return String(scaled) }
        let magnitude = scaled.magnitude
        let unit = UInt64(scale)
        let fraction = String(magnitude % unit)
        return (scaled < 0 ? "-" : "") + String(magnitude / unit) + "." + String(repeating: "0", count: digits - fraction.utf8.count) + fraction
    }
}
