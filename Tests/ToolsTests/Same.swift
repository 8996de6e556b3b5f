import Testing

/// Like `#expect(actual == expected)`, for values that are awaited or thrown for on the way.
func same<T: Equatable>(_ actual: T, _ expected: T, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(actual == expected, sourceLocation: sourceLocation)
}
