import Supervisor
import Testing

@Suite struct UploadOrderTests {
    private func begun() -> UploadOrder {
        var order = UploadOrder()
        order.begins(1)
        return order
    }

    @Test("a body is written piece by piece and finished, also while its last piece is on its way")
    func honest() {
        var order = begun()
        for _ in 0..<3 {
            same(order.writes(1), true)
            order.written(1, isEnd: false)
        }
        same(order.writes(1) && order.finishes(1) == .pass, true)
        order.written(1, isEnd: false)
        same(!order.writes(1) && order.finishes(1) == .fault, true)
    }

    @Test("a piece of what was never begun, is being written, was refused, finished or closed is a fault")
    func writes() {
        var order = begun()
        same(!order.writes(7) && order.finishes(7) == .fault, true)
        same(order.writes(1) && !order.writes(1), true)
        order.written(1, isEnd: true)
        same(!order.writes(1), true)
        var closed = begun()
        closed.closes(1)
        same(!closed.writes(1) && closed.finishes(1) == .fault, true)
    }

    @Test("the end of a body may cross the host's word that it takes no more, once")
    func crossing() {
        var order = begun()
        same(order.writes(1), true)
        order.written(1, isEnd: true)
        same(order.finishes(1) == .ignore && order.finishes(1) == .fault, true)
    }
}
