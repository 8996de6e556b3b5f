internal import HTTP

/// A length and the fields of a GET with zero bytes between: Range, If-Range, If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since,
/// Accept-Encoding. Whatever they say, the reply's pieces lie within the content, once, and add up.
func checkContent(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let names = ["Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "Accept-Encoding"]
    let values = texts(Array(bytes.dropFirst()), count: names.count)
    var headers = HTTPHeaders()
    for (name, value) in zip(names, values) where !value.isEmpty { headers.add(name, value) }
    let length = [0, 1, 100, Int.max][Int(first & 3)]
    let method: HTTPMethod = first & 4 == 0 ? .get : .head
    let validators = Validators(
        entityTag: first & 8 == 0 ? EntityTag("a", isWeak: first & 16 != 0) : nil, lastModified: HTTPDate(seconds: 784_111_777))
    let representation = Representation(contentType: "text/plain", length: length, validators: validators)
    checkPlan(ContentPlan(method, headers, of: representation, boundary: "b"), method, length)
    _ = ContentCoding.negotiate(headers)
    for value in values {
        if let date = HTTPDate(value) { precondition(HTTPDate(date.text) == date, "a date means something else when it is written") }
        if let weight = QualityValue.thousandths(value) { precondition((0...1000).contains(weight), "a weight outside its range") }
    }
}

private func checkPlan(_ plan: ContentPlan, _ method: HTTPMethod, _ length: Int) {
    precondition([200, 206, 304, 412, 416].contains(plan.status), "a status that no plan has")
    precondition(method == .get || ![206, 416].contains(plan.status), "HEAD has no ranges")
    var ranges: [Range<Int>] = []
    for case .content(let range) in plan.pieces {
        precondition(range.lowerBound >= 0 && range.upperBound <= length, "bytes that are not there")
        precondition(!ranges.contains { $0.overlaps(range) }, "bytes twice")
        ranges.append(range)
    }
    precondition(ranges.count <= ContentLimits.rangesMax, "too many ranges")
    precondition(plan.status == 200 ? ranges == [0..<length] : ranges.allSatisfy { !$0.isEmpty }, "the wrong bytes")
    precondition((plan.status == 206) == (plan.status != 200 && !ranges.isEmpty), "content without a reply for it")
}

/// What a route makes of the bytes as a form with the boundary `b`: each part's head and content, and how it ended.
func readForm(_ bytes: [UInt8], _ step: Int) -> [String] {
    var limits = MultipartLimits()
    // Small, so that short inputs reach them.
    (limits.partsMax, limits.headBytesMax, limits.fieldsMax, limits.nameBytesMax) = (4, 256, 4, 32)
    (limits.valueBytesMax, limits.fileBytesMax) = (128, 256)
    guard let boundary = try? MultipartBoundary(contentType: "multipart/form-data; boundary=b") else {
        preconditionFailure("a boundary of one letter is refused")  // a refusal would be our fault
    }
    var parser = MultipartParser(boundary: boundary, limits: limits)
    var seen: [String] = []
    var content: [UInt8] = []
    do throws(HTTPFailure) {
        for start in stride(from: 0, to: bytes.count, by: max(1, step)) {
            parser.feed(Array(bytes[start..<min(bytes.count, start + max(1, step))]))
            while let event = try parser.next() { take(event, limits, &seen, &content) }
        }
        try parser.finish()
        precondition(seen.last == "end", "a form without an end was read whole")
    } catch {
        precondition([400, 413].contains(error.status), "a refusal with an odd status")
        // How much of a part is seen before its end breaks the rules depends on the cut.
        seen.append("\(error.status)")
    }
    return seen
}

private func take(_ event: MultipartEvent, _ limits: MultipartLimits, _ seen: inout [String], _ content: inout [UInt8]) {
    precondition(seen.last != "end", "something came after the end")
    switch event {
    case .head(let head):
        precondition(!head.name.isEmpty && head.name.utf8.count <= limits.nameBytesMax, "a name outside its limits")
        precondition(head.filename.map { !$0.contains("/") && !$0.contains("\\") && $0 != ".." } ?? true, "a file's name is a path")
        content = []
        seen.append("\(head.name) \(head.filename ?? "-") \(head.contentType ?? "-")")
    case .content(let bytes):
        precondition(!bytes.isEmpty, "content without bytes")
        content += bytes
        precondition(content.count <= limits.fileBytesMax, "a file over its limit")
    case .partEnd: seen.append(String(decoding: content, as: UTF8.self))
    case .end: seen.append("end")
    }
}

/// Any bytes as an urlencoded form: what is read is read again when it is written.
func checkForm(_ bytes: [UInt8]) {
    // A refusal is a fine answer.
    guard let fields = try? FormCoding.decode(bytes, fieldsMax: 64) else { return }
    precondition(fields.count <= 64, "too many fields")
    let text = fields.map { "\(PercentCoding.encode($0.name))=\(PercentCoding.encode($0.value))" }.joined(separator: "&")
    guard let again = try? FormCoding.decode(Array(text.utf8), fieldsMax: 64) else { preconditionFailure("what was written cannot be read") }
    precondition(again.elementsEqual(fields) { $0 == $1 }, "what was read again differs")
}
