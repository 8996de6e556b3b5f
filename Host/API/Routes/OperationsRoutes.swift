import Crypto
import HTTP
import IO
import JSON

extension Routes {
    /// Liveness, readiness and metrics: what machines ask, without a version.
    static func operationsRoutes(_ services: APIServices) -> [Route] {
        [
            .get(
                "/healthz", "getHealth", tag: "operations", "The process answers.", access: .anonymous, limitClass: .operations,
                data: Schemas.object(["live": Schemas.flag], required: ["live"])
            ) { _ throws(APIError) in .data(["live": true]) },
            .get(
                "/readyz", "getReadiness", tag: "operations", "Whether calls can be served, check by check; 503 when not.", access: .anonymous,
                limitClass: .operations, data: Schemas.readiness
            ) { _ throws(APIError) in try await readiness(services.checks) },
            .get(
                "/metrics", "getMetrics", tag: "operations", "Prometheus text.", limitClass: .operations, data: Schemas.text,
                produces: [.plain], enveloped: false
            ) { _ throws(APIError) in .raw(contentType: "text/plain; version=0.0.4; charset=utf-8", bytes: services.metrics()) },
        ]
    }

    /// This document; it describes itself too.
    static func openAPIRoute(describing routes: [Route], version: String) -> Route {
        var route = Route.get(
            "/openapi.json", "getOpenAPI", tag: "operations", "This document.", access: .user, limitClass: .operations, data: Schemas.anyObject,
            enveloped: false
        ) { _ throws(APIError) in .data(.null) }
        let document = OpenAPI.document(routes + [route], version: version).serialized()
        // Weak: the same document may come compressed.
        let tag = EntityTag(Hex.encode(Array(SHA256.hash(document).bytes.prefix(16))), isWeak: true)
        route.handler = { _ throws(APIError) in .document(contentType: "application/json", bytes: document, tag: tag) }
        return route
    }

    private static func readiness(_ checks: [ReadinessCheck]) async throws(APIError) -> Reply {
        let results = await withTaskGroup(of: (Int, String?, Double).self) { group in
            for (index, check) in checks.enumerated() {
                group.addTask {
                    let started = Deadline.now()
                    let reason = await bounded(check)
                    return (index, reason, Double(Deadline.now().nanoseconds - started.nanoseconds) / 1e6)
                }
            }
            var found: [(Int, String?, Double)] = []
            for await result in group { found.append(result) }
            return found.sorted { $0.0 < $1.0 }
        }
        let items = results.map { index, reason, milliseconds -> JSONValue in
            [
                "name": .string(checks[index].name), "ok": .bool(reason == nil), "reason": reason.map { .string($0) } ?? .null,
                "duration_ms": JSONValue(milliseconds),
            ]
        }
        let data: JSONObject = ["ready": .bool(results.allSatisfy { $0.1 == nil }), "checks": .array(items)]
        guard results.allSatisfy({ $0.1 == nil }) else {
            throw APIError(.serverError, status: 503, "Not ready.", details: data)
        }
        return .data(.object(data))
    }

    /// Runs a check under its own time-out; whoever loses the race is cancelled.
    private static func bounded(_ check: ReadinessCheck) async -> String? {
        guard let loop = EventLoop.current else { return await check.run() }
        return await withTaskGroup(of: String?.self) { group in
            group.addTask { await check.run() }
            group.addTask {
                do {
                    try await loop.sleep(until: .after(milliseconds: check.timeoutMilliseconds))
                } catch {
                    return "cancelled"
                }
                return "no answer within \(check.timeoutMilliseconds) ms"
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }
}
