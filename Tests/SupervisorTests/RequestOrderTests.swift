import Supervisor
import Testing

@Suite struct RequestOrderTests {
    @Test("fetches run side by side up to the bound; each end lets the next one begin")
    func bound() {
        var order = RequestOrder()
        let ids = (0..<20).map { _ in order.add(.fetch) }
        same(order.start(), Array(ids[..<SupervisorLimits.requestsRunningMax]))
        same(order.start(), [])
        order.finished(ids[3])
        order.finished(ids[3])
        same(order.start(), [ids[SupervisorLimits.requestsRunningMax]])
    }

    @Test("a request that would see an earlier one's effect waits for it, and no other does")
    func order() {
        var order = RequestOrder()
        let write = order.add(.write(key: "a"))
        let readSame = order.add(.read(key: "a"))
        let readOther = order.add(.read(key: "b"))
        let listAll = order.add(.list(prefix: ""))
        let listOther = order.add(.list(prefix: "b"))
        let writeAfterList = order.add(.write(key: "b2"))
        let fetch = order.add(.fetch)
        same(order.start(), [write, readOther, listOther, fetch])
        order.finished(write)
        same(order.start(), [readSame, listAll])
        order.finished(listAll)
        same(order.start(), [])
        order.finished(listOther)
        same(order.start(), [writeAfterList])
    }

    @Test("the last of two writes to one key is the later one, whatever finishes first")
    func writes() {
        var order = RequestOrder()
        let first = order.add(.write(key: "a"))
        let second = order.add(.write(key: "a"))
        same(order.start(), [first])
        order.finished(second)
        same(order.start(), [])
        order.finished(first)
        same(order.start(), [second])
    }

    @Test("what is open is bounded")
    func full() {
        var order = RequestOrder()
        while !order.isFull { _ = order.add(.read(key: "k")) }
        same(order.count, SupervisorLimits.requestsOpenMax)
    }
}
