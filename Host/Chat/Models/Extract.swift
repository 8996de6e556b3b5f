import Glibc
import JSON

/// The sentences of passages that answer a question best, with citations.
struct Extract {
    private(set) var text = ""
    private(set) var citations: [JSONValue] = []

    private struct Candidate {
        let passage: Int
        let sentence: Substring
        let words: [String]
    }

    /// Ranks every sentence; takes the best few that have at least one of the question's rarer words, in the order of the passages.
    init(question: String, passages: [Passage]) {
        let asked = Set(Self.words(question)).subtracting(Self.common)
        guard !asked.isEmpty else { return }
        let candidates = passages.enumerated().flatMap { index, passage in
            Self.sentences(passage.text).map { Candidate(passage: index, sentence: $0, words: Self.words($0)) }
        }.filter { !$0.words.isEmpty && !Self.isQuestion($0.sentence) }
        let chosen = Self.best(candidates, asked)
        for candidate in chosen {
            let passage = passages[candidate.passage]
            let number = citations.firstIndex { $0["source"]?.stringValue == passage.source }.map { $0 + 1 } ?? citations.count + 1
            if number > citations.count {
                citations.append([
                    "type": "citation", "index": JSONValue(number), "source": .string(passage.source), "title": .string(passage.title),
                    "text": .string(String(candidate.sentence.prefix(ChatLimits.snippetMax))),
                ])
            }
            text += (text.isEmpty ? "" : "\n") + "\(candidate.sentence) [\(number)]"
        }
    }

    private static func best(_ candidates: [Candidate], _ asked: Set<String>) -> [Candidate] {
        var holders: [String: Int] = [:]
        for candidate in candidates { for word in Set(candidate.words).intersection(asked) { holders[word, default: 0] += 1 } }
        let count = Double(candidates.count)
        let length = candidates.reduce(0.0) { $0 + Double($1.words.count) } / max(1, count)
        func score(_ candidate: Candidate) -> Double {
            var total = 0.0
            for word in asked {
                let frequency = Double(candidate.words.count { $0 == word })
                guard frequency > 0, let among = holders[word] else { continue }
                let rarity = log(1 + (count - Double(among) + 0.5) / (Double(among) + 0.5))
                let share = 0.25 + 0.75 * Double(candidate.words.count) / length
                total += rarity * frequency * 2.2 / (frequency + 1.2 * share)
            }
            return total
        }
        var ranked: [(place: Int, score: Double)] = []
        for (place, candidate) in candidates.enumerated() {
            let score = score(candidate)
            if score > 0 { ranked.append((place, score)) }
        }
        // Of two that are as good, the later one: what was said last holds.
        ranked.sort { $0.score > $1.score || ($0.score == $1.score && $0.place > $1.place) }
        guard let top = ranked.first?.score else { return [] }
        // What is far behind the best is noise.
        let chosen = ranked.prefix(ChatLimits.passagesShownMax).filter { $0.score >= 0.5 * top }
        return chosen.map(\.place).sorted().map { candidates[$0] }
    }

    private static func isQuestion(_ sentence: Substring) -> Bool { sentence.last == "?" }

    /// Lines, and in them what ends with a full stop, a question or an exclamation mark before a blank.
    static func sentences(_ text: String) -> [Substring] {
        var found: [Substring] = []
        for line in text.split(whereSeparator: \.isNewline) {
            var begin = line.startIndex
            var index = begin
            while index < line.endIndex {
                let next = line.index(after: index)
                if ".!?。！？".contains(line[index]), next == line.endIndex || line[next].isWhitespace {
                    found.append(line[begin..<next])
                    begin = next
                }
                index = next
            }
            found.append(line[begin...])
        }
        return found.map { $0.drop(while: \.isWhitespace) }.filter { !$0.isEmpty }
    }

    /// Letters and digits in a row, without case.
    static func words(_ text: some StringProtocol) -> [String] {
        text.split { !($0.isLetter || $0.isNumber) }.map { $0.lowercased() }
    }

    /// English words that are in most sentences and say nothing of what is asked.
    private static let common: Set<String> = [
        "a", "an", "and", "are", "as", "at", "be", "but", "by", "can", "did", "do", "does", "for", "from", "had", "has", "have", "how", "i", "in",
        "is",
        "it", "its", "me", "my", "of", "on", "or", "our", "s", "so", "tell", "that", "the", "there", "this", "to", "us", "was", "we", "were", "what",
        "when", "where", "which", "who", "why", "will", "with", "would", "you", "your",
    ]
}
