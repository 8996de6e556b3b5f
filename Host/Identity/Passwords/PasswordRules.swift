/// Which passwords are refused: those that a guesser tries first.
package enum PasswordRules {
    /// Why a new password cannot be taken, as its owner may read it; nil when it can. `about` are words that everybody knows of its owner, `leaked`
    /// passwords of a list.
    ///
    /// No rule asks for kinds of characters (NIST SP 800-63B): length, and not being known, is what counts.
    package static func problem(_ password: String, about: [String] = [], leaked: PasswordList? = nil) -> String? {
        if password.utf8.count > IdentityLimits.passwordBytesMax { return "has more than \(IdentityLimits.passwordBytesMax) bytes" }
        if password.unicodeScalars.count < IdentityLimits.passwordCharactersMin {
            return "is shorter than \(IdentityLimits.passwordCharactersMin) characters"
        }
        let plain = Array(password.lowercased().unicodeScalars)
        if Set(plain).count < 5 { return "repeats too few different characters" }
        if isWalk(plain) { return "is a row of keys or a count" }
        if isRepetition(plain) { return "repeats one short piece" }
        let core = core(plain)
        let text = String(String.UnicodeScalarView(plain))
        if let leaked, leaked.contains(text) || leaked.contains(core) { return "is one of those that leaked elsewhere" }
        if CommonPasswords.contain(core) || CommonPasswords.contain(text) {
            return "is one of the passwords that are guessed first"
        }
        if isMadeOfWords(core) { return "is put together from the words that are guessed first" }
        for word in about.flatMap(words) where core.contains(word) && core.count - word.count < 5 {
            return "is little more than your own name or address"
        }
        return nil
    }

    /// The letters behind common substitutions, without the digits and signs around them: `P@ssw0rd!!2024` is `password`.
    private static func core(_ plain: [Unicode.Scalar]) -> String {
        func isLetter(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isAlphabetic }
        guard let first = plain.firstIndex(where: isLetter), let last = plain.lastIndex(where: isLetter) else {
            return String(String.UnicodeScalarView(plain))
        }
        var text = String.UnicodeScalarView()
        for scalar in plain[first...last] {
            if let letter = substitutions[scalar] {
                text.append(letter)
            } else if isLetter(scalar) || scalar.properties.numericType != nil {
                text.append(scalar)
            }
        }
        return String(text)
    }

    private static let substitutions: [Unicode.Scalar: Unicode.Scalar] = [
        "@": "a", "4": "a", "3": "e", "1": "i", "!": "i", "0": "o", "$": "s", "5": "s", "7": "t",
    ]

    /// Rows of the keyboard, the alphabet and the digits, forwards or backwards, whole or in pieces of at least four.
    private static func isWalk(_ plain: [Unicode.Scalar]) -> Bool {
        var rest = plain[...]
        while !rest.isEmpty {
            let length = rows.map { row in common(rest, row) }.max() ?? 0
            if length < 4 { return rest.count < 3 && rest.count < plain.count }
            rest = rest.dropFirst(length)
        }
        return true
    }

    private static let rows: [[Unicode.Scalar]] = {
        let forwards = [
            "abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "yxcvbnm", "zxcvbnm",
            "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "!@#$%^&*()", "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0",
        ]
        return forwards.flatMap { [Array($0.unicodeScalars), Array($0.unicodeScalars.reversed())] }
    }()

    /// How long a beginning of `text` stands anywhere in a row.
    private static func common(_ text: ArraySlice<Unicode.Scalar>, _ row: [Unicode.Scalar]) -> Int {
        var best = 0
        for start in row.indices {
            var length = 0
            for (left, right) in zip(text, row[start...]) {
                if left != right { break }
                length += 1
            }
            best = max(best, length)
        }
        return best
    }

    private static func isRepetition(_ plain: [Unicode.Scalar]) -> Bool {
        for length in 1...max(1, plain.count / 2) where length <= 6 {
            if plain.indices.allSatisfy({ plain[$0] == plain[$0 % length] }) { return true }
        }
        return false
    }

    /// Whether common words alone make it up: `passwordadmin`.
    private static func isMadeOfWords(_ core: String) -> Bool {
        let text = Array(core.utf8)
        guard text.count <= 40 else { return false }
        var reachable = [true] + Array(repeating: false, count: text.count)
        var words = [0] + Array(repeating: Int.max, count: text.count)
        for end in text.indices.map({ $0 + 1 }) {
            for start in max(0, end - 16)..<end where reachable[start] && end - start >= 4 {
                guard CommonPasswords.contain(String(decoding: text[start..<end], as: UTF8.self)) else { continue }
                reachable[end] = true
                words[end] = min(words[end], words[start] + 1)
            }
        }
        return reachable[text.count] && words[text.count] <= 2
    }

    /// The parts of a name or address that are long enough to tell something.
    private static func words(_ text: String) -> [String] {
        text.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init).filter { $0.count >= 4 }
    }
}
