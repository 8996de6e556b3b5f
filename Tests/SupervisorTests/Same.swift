import Testing

/// Like `#expect(actual == expected)`, for answers of mutating methods, which the macro cannot take.
func same<T: Equatable>(_ actual: T, _ expected: T, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(actual == expected, sourceLocation: sourceLocation)
}
