/// Texts that are one token wherever they stand, such as `<|end|>`: the longest of those that begin at a place.
///
/// A tree by characters, so that a file with thousands of them costs a text no more than the longest of them a place.
struct AddedTokens: Sendable {
    private struct Node: Sendable {
        var next: [Unicode.Scalar: Int32] = [:]
        var token: Int32?
    }

    private var nodes = [Node()]

    var isEmpty: Bool { nodes.count == 1 }

    mutating func add(_ text: String, token: Int32) {
        var place = 0
        for scalar in text.unicodeScalars {
            if let known = nodes[place].next[scalar] {
                place = Int(known)
            } else {
                nodes[place].next[scalar] = Int32(nodes.count)
                place = nodes.count
                nodes.append(Node())
            }
        }
        nodes[place].token = token
    }

    /// Calls `body` with each stretch between such tokens, and `found` with each of them, in order.
    func split(_ text: [Unicode.Scalar], between body: (ArraySlice<Unicode.Scalar>) -> Void, found: (Int32) -> Void) {
        var (start, index) = (0, 0)
        while !isEmpty, index < text.count {
            guard let (token, end) = match(text, index) else {
                index += 1
                continue
            }
            if start < index { body(text[start..<index]) }
            found(token)
            (start, index) = (end, end)
        }
        if start < text.count { body(text[start...]) }
    }

    /// The longest that begins at a place, and where it ends.
    private func match(_ text: [Unicode.Scalar], _ start: Int) -> (token: Int32, end: Int)? {
        var (place, index) = (0, start)
        var best: (Int32, Int)?
        while index < text.count, let next = nodes[place].next[text[index]] {
            (place, index) = (Int(next), index + 1)
            if let token = nodes[place].token { best = (token, index) }
        }
        return best
    }
}
