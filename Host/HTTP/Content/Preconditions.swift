/// What tells the present state of a resource from others.
package struct Validators: Sendable, Hashable {
    package var entityTag: EntityTag?
    package var lastModified: HTTPDate?

    package init(entityTag: EntityTag? = nil, lastModified: HTTPDate? = nil) {
        self.entityTag = entityTag
        self.lastModified = lastModified
    }
}

/// The conditions that a request names (RFC 9110, 13).
///
/// To be looked at after everything else that could refuse the request, and right before it would be carried out (13.2.1).
package struct Preconditions: Sendable {
    /// What the conditions make of the request.
    package enum Verdict: Sendable, Hashable {
        /// It is carried out.
        case proceed
        /// 304: the client has the present state.
        case notModified
        /// 412: the state is not the one that the client means.
        case failed
    }

    private let ifMatch: EntityTagCondition?
    private let ifNoneMatch: EntityTagCondition?
    private let ifModifiedSince: HTTPDate?
    private let ifUnmodifiedSince: HTTPDate?

    /// Reads the fields; a date that is none, or that stands twice, does not count (13.1.3, 13.1.4).
    package init(_ headers: HTTPHeaders) {
        ifMatch = EntityTagCondition("If-Match", in: headers)
        ifNoneMatch = EntityTagCondition("If-None-Match", in: headers)
        ifModifiedSince = Preconditions.date("If-Modified-Since", in: headers)
        ifUnmodifiedSince = Preconditions.date("If-Unmodified-Since", in: headers)
    }

    private static func date(_ name: String, in headers: HTTPHeaders) -> HTTPDate? {
        let values = headers.values(name)
        return values.count == 1 ? HTTPDate(values[0]) : nil
    }

    /// Judges in the order of 13.2.2.
    /// - Parameter state: nil when the resource has no present state, such as a file that is not there.
    package func verdict(_ method: HTTPMethod, on state: Validators?) -> Verdict {
        if [.connect, .options, .trace].contains(method) { return .proceed }
        let reads = method == .get || method == .head
        if let ifMatch {
            if !matches(ifMatch, state, { $0.isIdentical(to: $1) }) { return .failed }
        } else if let ifUnmodifiedSince, let lastModified = state?.lastModified, lastModified > ifUnmodifiedSince {
            return .failed
        }
        if let ifNoneMatch {
            // One that cannot be read stops what would change something; a read sends the whole, which is right whatever was meant.
            if ifNoneMatch == .malformed { return reads ? .proceed : .failed }
            if matches(ifNoneMatch, state, { $0.isEquivalent(to: $1) }) { return reads ? .notModified : .failed }
        } else if reads, let ifModifiedSince, let lastModified = state?.lastModified, lastModified <= ifModifiedSince {
            return .notModified
        }
        return .proceed
    }

    private func matches(_ condition: EntityTagCondition, _ state: Validators?, _ compare: (EntityTag, EntityTag) -> Bool) -> Bool {
        switch condition {
        case .any: return state != nil
        case .malformed: return false
        case .tags(let tags):
            guard let present = state?.entityTag else { return false }
            return tags.contains { compare($0, present) }
        }
    }

    /// Whether a Range may be answered with a part (13.1.5): there is no If-Range, or it names the present state, to the byte.
    ///
    /// A date counts only where there is no entity tag, and only when it is in the past: within the same second a file may have changed twice.
    package static func allowsRange(_ headers: HTTPHeaders, of state: Validators, now: HTTPDate = .now()) -> Bool {
        let values = headers.values("If-Range")
        guard let value = values.first else { return true }
        guard values.count == 1 else { return false }
        var bytes = Array(value.utf8)[...]
        if let tag = EntityTag.take(&bytes) { return bytes.isEmpty && state.entityTag.map { $0.isIdentical(to: tag) } ?? false }
        guard state.entityTag == nil, let date = HTTPDate(value, now: now) else { return false }
        return date == state.lastModified && date < now
    }
}
