import Glibc
import JSON

/// Debian's Chromium without a window, steered by the W3C WebDriver protocol (https://www.w3.org/TR/webdriver2/): a browser that we did not write.
final class Browser {
    private let folder = Command.temporary()
    private let driver: pid_t
    private let port: Int
    private var session = ""

    init() throws {
        driver = try Command.start(
            ["/usr/bin/chromedriver", "--port=0"], output: "\(folder)/out", complaints: "\(folder)/err", environment: ["HOME": folder])
        var found: Int?
        for _ in 0..<200 where found == nil {
            found = Command.text("\(folder)/out").components(behind: "successfully on port ").flatMap { Int($0) }
            if found == nil { usleep(50_000) }
        }
        guard let found else {
            kill(driver, SIGKILL)
            _ = Command.wait(driver)
            throw Command.Failure("chromedriver does not start: \(Command.text("\(folder)/err"))")
        }
        port = found
        // The tests' own pages alone, as root: the browser's sandbox wants another user.
        let flags: JSONValue = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server"]
        let options: JSONValue = ["args": flags, "binary": "/usr/bin/chromium"]
        let made = try ask("POST", "/session", ["capabilities": ["alwaysMatch": ["goog:chromeOptions": options]]])
        guard let id = made["sessionId"]?.stringValue else { throw Command.Failure("no session of a browser: \(made.text)") }
        session = "/session/\(id)"
    }

    deinit {
        // Its answer makes no difference to the end.
        _ = try? ask("DELETE", session)
        kill(driver, SIGTERM)
        _ = Command.wait(driver)
    }

    func open(_ url: String) throws { _ = try ask("POST", "\(session)/url", ["url": .string(url)]) }

    var url: String { get throws { try ask("GET", "\(session)/url").stringValue ?? "" } }

    /// Clicks the first element of a CSS selector, as a person would: it has to be seen.
    func click(_ selector: String) throws {
        let found = try ask("POST", "\(session)/element", ["using": "css selector", "value": .string(selector)])
        guard let id = found.objectValue?.values.first?.stringValue else { throw Command.Failure("\(selector): \(found.text)") }
        _ = try ask("POST", "\(session)/element/\(id)/click", [:])
    }

    /// What a script of the test's says of the page.
    func look(_ script: String) throws -> JSONValue { try ask("POST", "\(session)/execute/sync", ["script": .string(script), "args": []]) }

    private func ask(_ method: String, _ path: String, _ body: JSONValue? = nil) throws -> JSONValue {
        var words = ["/usr/bin/curl", "-s", "--noproxy", "*", "-m", "30", "-X", method, "http://127.0.0.1:\(port)\(path)"]
        if let body { words += ["-H", "Content-Type: application/json", "-d", body.text] }
        let outcome = try Command.run(words)
        let reply = try JSONValue(parsing: Array(outcome.output.utf8))
        if let error = reply["value"]?["error"]?.stringValue {
            throw Command.Failure("\(method) \(path): \(error): \(reply["value"]?["message"]?.stringValue ?? "")")
        }
        return reply["value"] ?? .null
    }
}

extension String {
    /// The digits behind a text; nil where it is not.
    fileprivate func components(behind text: String) -> String? {
        guard let range = firstRange(of: text) else { return nil }
        return String(self[range.upperBound...].prefix { $0.isNumber })
    }
}
