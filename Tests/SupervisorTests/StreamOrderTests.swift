import Supervisor
import Testing

@Suite struct StreamOrderTests {
    private func opened(_ id: UInt32 = 1) -> StreamOrder {
        var order = StreamOrder()
        same(order.opens(id) == .accepted && order.answered(id, isEnd: false), true)
        return order
    }

    @Test("a reply is opened, read piece by piece to its end, and closed; each number serves once")
    func honest() {
        var order = opened()
        for _ in 0..<3 { same(order.reads(1) && order.answered(1, isEnd: false), true) }
        same(order.reads(1) && order.answered(1, isEnd: true), true)
        same(order.closes(1) == .ignore, true)
        same(order.opens(1) == .fault, true)
    }

    @Test("a read of what was never opened, is being opened, is being read, has ended or was closed is a fault")
    func reads() {
        var order = StreamOrder()
        same(!order.reads(7), true)
        same(order.opens(1) == .accepted && !order.reads(1), true)
        same(order.answered(1, isEnd: false) && order.reads(1) && !order.reads(1), true)
        same(order.answered(1, isEnd: true) && !order.reads(1), true)
        var closed = opened()
        same(closed.closes(1) == .close && !closed.reads(1), true)
    }

    @Test("a reply that is closed while an answer is due hears of that and nothing else; closed twice it is a fault")
    func closing() {
        var order = opened()
        same(order.reads(1) && order.closes(1) == .close && order.isClosing(1), true)
        same(order.closes(1) == .fault, true)
        same(!order.answered(1, isEnd: false) && !order.isClosing(1), true)
        same(order.closes(1) == .fault && order.closes(9) == .fault, true)
    }

    @Test("eight may be open at once; what is refused opens nothing, and a place comes back with an end or a closing")
    func many() {
        var order = StreamOrder()
        for id in 1...8 { same(order.opens(UInt32(id)) == .accepted, true) }
        same(order.opens(9) == .tooMany && !order.reads(9) && order.closes(9) == .ignore, true)
        same(order.answered(1, isEnd: true) && order.opens(10) == .accepted && order.opens(11) == .tooMany, true)
        same(order.closes(2) == .close && order.opens(12) == .accepted, true)
    }
}
