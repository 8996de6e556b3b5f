public import JSON

/// A JSON Schema of draft 2020-12, compiled once and then used from any thread.
public final class CompiledSchema: Sendable {
    private let program: SchemaProgram

    /// Compiles a schema; throws a `SchemaError` for a schema that the metaschema refuses, a reference that leads nowhere or a limit.
    public init(_ schema: JSONValue, options: SchemaOptions = .init()) throws(SchemaError) {
        program = try SchemaCompiler.compile(schema, options: options)
    }

    /// The places where the document breaks the schema, at most `failuresMax`; none when it is valid.
    public func validate(_ document: JSONDocument, failuresMax: Int = 20) -> [SchemaFailure] {
        switch quickly(document) {
        case (true, nil): []
        case (_, let limit?): [CompiledSchema.limit(limit)]
        case (false, nil): list(document, max(1, failuresMax))
        }
    }

    /// The places where the value breaks the schema, at most `failuresMax`; none when it is valid.
    public func validate(_ value: JSONValue, failuresMax: Int = 20) -> [SchemaFailure] {
        do throws(JSONError) {
            return validate(try JSONDocument(value), failuresMax: failuresMax)
        } catch {
            return [CompiledSchema.limit(error.message)]
        }
    }

    /// Whether the document is valid; stops at the first failure.
    public func isValid(_ document: JSONDocument) -> Bool { quickly(document) == (true, nil) }

    private static func limit(_ reason: String) -> SchemaFailure {
        SchemaFailure(instancePath: "", keyword: "limit", schemaPath: "", message: reason)
    }

    /// Checks up to the first failure; an outcome with a limit is none.
    private func quickly(_ document: JSONDocument) -> (isValid: Bool, limit: String?) {
        withExtendedLifetime(document) {
            var evaluator = SchemaEvaluator(program: program, tape: TapeView(document.tape), failuresMax: 0)
            let isValid = evaluator.check(program.root, 0, tracks: false)
            return (isValid, evaluator.limit)
        }
    }

    private func list(_ document: JSONDocument, _ failuresMax: Int) -> [SchemaFailure] {
        withExtendedLifetime(document) {
            var evaluator = SchemaEvaluator(program: program, tape: TapeView(document.tape), failuresMax: failuresMax)
            evaluator.isCollecting = true
            let isValid = evaluator.check(program.root, 0, tracks: false)
            var failures = evaluator.failures
            if let limit = evaluator.limit {
                failures = Array(failures.prefix(failuresMax - 1))
                failures.append(CompiledSchema.limit(limit))
            } else if !isValid, failures.isEmpty {
                failures.append(SchemaFailure(instancePath: "", keyword: "", schemaPath: "", message: "is not valid"))
            }
            return failures
        }
    }
}
