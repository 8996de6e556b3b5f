import Crypto
import Testing

@Suite struct UUIDv7Tests {
    @Test("identifiers have version 7, the right variant and the millisecond in front")
    func form() {
        var generator = UUIDv7Generator()
        let id = generator.next(milliseconds: 0x0188_1234_5678)
        #expect(id.hasPrefix("01881234-5678-7"))
        #expect(UUIDv7.isValid(id))
        #expect(UUIDv7.isValid(UUIDv7.make()))
    }

    @Test("identifiers rise while the clock stands still, goes back, or its millisecond is used up")
    func monotonic() {
        var generator = UUIDv7Generator()
        var last = ""
        for index in 0..<20_000 {
            let id = generator.next(milliseconds: index < 10_000 ? 5000 : 4000)
            #expect(id > last)
            last = id
        }
    }

    @Test("identifiers made on many threads at once are all different")
    func concurrent() async {
        let all = await withTaskGroup(of: [String].self) { group in
            for _ in 0..<8 { group.addTask { (0..<2000).map { _ in UUIDv7.make() } } }
            return await group.reduce(into: [String]()) { $0 += $1 }
        }
        #expect(Set(all).count == 16_000)
    }

    @Test(
        "other texts are not identifiers",
        arguments: [
            "", "01881234-5678-4000-8000-000000000000", "01881234-5678-7000-0000-000000000000", "018812345678-7000-8000-000000000000-",
            "01881234-5678-7000-8000-00000000000g",
        ])
    func invalid(text: String) {
        #expect(!UUIDv7.isValid(text))
    }
}
