import Crypto
import IO
import Testing

@testable import Identity

@Suite("Identity: addresses, handles and passwords")
struct RuleTests {
    @Test(
        "addresses that are one to a reader are one account, whatever the case and the composition of their letters",
        arguments: [
            ("Ann@Example.COM", "ann@example.com"), ("jo\u{308}rg@example.com", "j\u{f6}rg@example.com"), ("JÖRG@EXAMPLE.COM", "jörg@example.com"),
            ("ΑΣ@example.com", "ας@example.com"), ("admin@localhost", "ADMIN@LOCALHOST"), ("I@example.com", "i@example.com"),
        ])
    func folding(left: String, right: String) throws {
        let (left, right) = (try #require(Email(left)), try #require(Email(right)))
        #expect(Array(left.key.utf8) == Array(right.key.utf8))
    }

    @Test(
        "what mail cannot be sent to, or would mean something in a header, is no address",
        arguments: [
            "", "a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b c", "a\r\nBcc: x@y@c", "a@b\n", "a@b\r", "\"a\"@b", "a<b>@c", "a,b@c", "a;b@c", "a(b)@c",
            ".a@b", "a.@b", "a..b@c", "a@-b", "a@b-", "a@.b", "a@b.", "a@b..c", "a@b_c", "a@[1.2.3.4]", "a\u{0}@b", "a\u{202e}@b", "a\u{200b}@b",
            String(repeating: "a", count: 65) + "@b", "a@" + String(repeating: "b", count: 64), "😀@b",
        ])
    func addresses(text: String) { #expect(Email(text) == nil) }

    @Test("handles are words", arguments: [("ann", true), ("a", false), ("Ann_B-2.x", true), ("_ann", false), ("an n", false), ("ann\n", false)])
    func handles(text: String, isOne: Bool) { #expect((Handle(text) != nil) == isOne) }

    @Test(
        "passwords that are guessed first are refused",
        arguments: [
            "short", "password123", "Password123!", "P@ssw0rd!!2024", "1234567890", "qwertyuiop", "qwerty12345", "aaaaaaaaaaaa", "abcabcabcabc",
            "letmein2024!", "Summer2024!!", "iloveyou123", "1q2w3e4r5t6y", "passwordadmin", "administrator1", "0987654321", "Liverpool1!",
            "ann.example99", "AnnExample!!", String(repeating: "ab1?", count: 65),
        ])
    func trivial(password: String) {
        #expect(PasswordRules.problem(password, about: ["ann.example@corp.test", "annexample"]) != nil)
    }

    @Test(
        "others are taken, without any rule about kinds of characters",
        arguments: ["plum lantern veto 9", "xkrtmwzpqvgh", "Kühlschrank-Ente", "пароль нашей команды", "7Fz!q0Lr#e2", "tractor pyramid eleven"])
    func good(password: String) {
        #expect(PasswordRules.problem(password, about: ["ann.example@corp.test"]) == nil)
    }
}

@Suite("Identity: hashing passwords")
struct PasswordDeskTests {
    @Test("of 200 sign-ins at once a few are hashed, a few wait, and the others hear at once that they must come again")
    func flood() async throws {
        let desk = try PasswordDesk(cost: #require(.init(log2N: 14, r: 8, p: 1)), threads: 2, queueMax: 4)
        defer { desk.close() }
        let hash = try await desk.hash("plum lantern veto 9")
        let outcomes = await withTaskGroup(of: Bool?.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    do throws(PasswordDeskError) {
                        return try await desk.isRight("plum lantern veto 9", for: hash)
                    } catch {
                        return error == .busy ? nil : false
                    }
                }
            }
            var found: [Bool?] = []
            for await outcome in group { found.append(outcome) }
            return found
        }
        #expect(!outcomes.contains(false))
        #expect(outcomes.filter { $0 == nil }.count >= 150 && outcomes.contains(true))
        #expect(desk.metrics.refused >= 150)
    }

    @Test("the first account's password waits longer than others may: a loaded machine starts slowly and does start")
    func patience() async throws {
        let desk = try PasswordDesk(cost: #require(.init(log2N: 16, r: 8, p: 1)), threads: 1, queueMax: 8)
        defer { desk.close() }
        let loops = try EventLoopGroup(count: 1)
        defer { loops.stop() }
        func outcome(_ milliseconds: Int) -> OwnedTask<PasswordDeskError?> {
            OwnedTask(on: loops.next()) {
                do throws(PasswordDeskError) {
                    _ = try await desk.hash("plum lantern veto 9", milliseconds: milliseconds)
                    return nil
                } catch {
                    return error
                }
            }
        }
        let before = (0..<3).map { _ in outcome(60_000) }
        let (hasty, patient) = (outcome(50), outcome(IdentityLimits.firstPasswordMilliseconds))
        #expect(try await hasty.value == .busy)
        #expect(try await patient.value == nil)
        for task in before { #expect(try await task.value == nil) }
        #expect(IdentityLimits.firstPasswordMilliseconds > 2 * IdentityLimits.passwordMilliseconds)
    }

    @Test("an account that does not exist is not told from one that does by the time it takes")
    func decoy() async throws {
        let desk = try PasswordDesk(cost: #require(.init(log2N: 14, r: 8, p: 1)))
        defer { desk.close() }
        let hash = try await desk.hash("plum lantern veto 9")
        var (known, unknown): (Duration, Duration) = (.zero, .zero)
        for _ in 0..<5 {
            let start = ContinuousClock.now
            #expect(try await !desk.isRight("wrong", for: hash))
            let middle = ContinuousClock.now
            #expect(try await !desk.isRight("wrong", for: nil))
            known += middle - start
            unknown += ContinuousClock.now - middle
        }
        #expect(unknown > known / 3 && unknown < known * 3)
    }

    @Test("what stands in a list of leaked passwords is refused, whatever its case and the digits behind it; other words are not")
    func leaked() {
        let list = PasswordList(Array("#!comment: a list\r\nplum lantern veto\nTractorPyramid\n\nkrakatau-77-velvet\r\n".utf8))
        #expect(list.count == 3)
        for password in ["plum lantern veto", "tractorpyramid", "TRACTORPYRAMID2024!", "krakatau-77-Velvet"] {
            #expect(PasswordRules.problem(password) == nil && PasswordRules.problem(password, leaked: list) != nil, "\(password)")
        }
        #expect(PasswordRules.problem("quiet harbour 61", leaked: list) == nil && PasswordList([]).count == 0)
        #expect(PasswordList(path: "/nowhere") == nil)
        let many = PasswordList(Array((0..<100_000).map { "leaked-password-\($0)" }.joined(separator: "\n").utf8))
        #expect(many.count == 100_000)
        for index in stride(from: 0, to: 100_000, by: 7_919) { #expect(PasswordRules.problem("leaked-password-\(index)", leaked: many) != nil) }
        #expect(PasswordRules.problem("leaked-password-100000", leaked: many) == nil)
    }
}
