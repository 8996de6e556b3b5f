import IO
import Store
import Tools

/// What one turn or completion spends: prices as they were when it began, and its payer's budgets.
final class Purse: Sendable {
    private struct State {
        var warning: BudgetWarning?
    }

    private let prices: PriceTable
    private let budgets: Budgets?
    private let origin: TurnOrigin
    private let complain: @Sendable (String, String) -> Void
    private let state = Lock(State())

    init(prices: PriceTable, budgets: Budgets?, origin: TurnOrigin, complain: @escaping @Sendable (String, String) -> Void) {
        (self.prices, self.budgets, self.origin, self.complain) = (prices, budgets, origin, complain)
    }

    var currency: String { prices.currency }
    /// Whose budget is nearly spent by now.
    var warning: BudgetWarning? { state.withLock { $0.warning } }

    /// What a model's tokens cost.
    func cost(of model: String, tokensIn: Int, tokensOut: Int) -> Int64 { prices.price(of: model).cost(tokensIn: tokensIn, tokensOut: tokensOut) }

    /// The most that one reply of any of these models may cost.
    func highest(_ models: [any ChatModel], tokensIn: (TokenCounter) -> Int, tokensOut: Int) -> Int64 {
        models.reduce(0) { highest, model in
            let price = prices.price(of: model.wholeName)
            guard price != .free else { return highest }
            return max(highest, price.cost(tokensIn: tokensIn(model.counter), tokensOut: tokensOut))
        }
    }

    /// Refuses what could not be paid, before anything is stored.
    func check(_ micros: Int64) async throws(ChatError) {
        if micros > 0, let budgets { try await budgets.check(micros, for: origin) }
    }

    /// Does what costs at most so much, with that kept free meanwhile; settled however it ends, also when its task is cancelled.
    /// - Parameter cost: What it did cost, asked when it is over.
    func paying<Value>(_ micros: Int64, cost: () -> Int64, _ body: () async throws -> Value) async throws -> Value {
        guard micros > 0, let budgets else { return try await body() }
        let reservation = try await budgets.reserve(micros, for: origin)
        do {
            let value = try await body()
            await settle(reservation, cost(), budgets)
            return value
        } catch {
            await settle(reservation, cost(), budgets)
            throw error
        }
    }

    private func settle(_ reservation: BudgetStore.Reservation, _ cost: Int64, _ budgets: Budgets) async {
        let settling = OwnedTask(on: EventLoop.current) { [origin] in try await budgets.settle(reservation, cost: cost, for: origin) }
        do {
            let warning = try await settling.value
            state.withLock { $0.warning = warning }
        } catch {
            // What was kept free ends by itself, and nobody is refused an answer that he has.
            complain("what a reply did cost could not be taken of a budget", "\(error)")
        }
    }
}

/// What the tokens of one reply were, and cost.
struct Spending: Sendable {
    var tokensIn = 0
    var tokensOut = 0
    var micros: Int64 = 0
}

extension Purse {
    /// Asks a chain of models for one reply, and pays for it: what the model says of its tokens, else what is counted. Of a reply that broke off, what was asked and
    /// what was heard: whoever leaves before the first word has been answered all the same, and a provider bills what was asked.
    /// - Parameters:
    ///   - heard: The text that came until now.
    ///   - spent: Hears once what was spent, however it ended.
    func asking(
        _ models: inout ModelChain, for ask: ModelRequest, heard: () -> String, spent: (Spending) -> Void,
        _ body: (inout ModelChain) async throws -> ModelReply
    ) async throws -> ModelReply {
        let most = highest(models.all, tokensIn: { $0.count(ask) }, tokensOut: ask.tokensMax)
        var spending = Spending()
        return try await paying(most, cost: { spending.micros }) {
            var reply: ModelReply?
            var isBilled = true
            defer {
                let counter = models.first.counter
                if let reply {
                    (spending.tokensIn, spending.tokensOut) = (reply.tokensIn ?? 0, reply.tokensOut ?? 0)
                } else if case let text = heard(), isBilled || !text.isEmpty {
                    (spending.tokensIn, spending.tokensOut) = (counter.count(ask), counter.count(text))
                }
                spending.micros = cost(of: models.first.wholeName, tokensIn: spending.tokensIn, tokensOut: spending.tokensOut)
                spent(spending)
            }
            var found: ModelReply
            do {
                found = try await body(&models)
            } catch let failure as ModelFailure {
                isBilled = failure.mayBeBilled
                throw failure
            }
            let counter = models.first.counter
            (found.tokensIn, found.tokensOut) = (found.tokensIn ?? counter.count(ask), found.tokensOut ?? counter.count(found.content))
            reply = found
            return found
        }
    }
}

extension ChatService {
    /// The purse of one request, with the prices of this moment.
    func purse(for origin: TurnOrigin) async throws(ChatError) -> Purse {
        Purse(prices: try await prices.table(of: origin.caller.tenant), budgets: budgets, origin: origin, complain: complain)
    }
}

extension ModelFailure {
    /// Whether a provider may have begun an answer that it bills; what it refused, and what did not reach it, costs nothing.
    fileprivate var mayBeBilled: Bool {
        ![.unknown, .unauthorized, .rateLimited, .invalidRequest, .contextOverflow, .unavailable].contains(code)
    }
}
