internal import JSON
internal import JSONSchema

/// Takes `[schema, instance]`: compiling and checking must end, and all ways to check must agree.
func checkSchema(_ bytes: [UInt8]) {
    // Refused texts and schemas are fine answers.
    guard let pair = (try? JSONValue(parsing: bytes))?.arrayValue, let schema = pair.first else { return }
    var options = SchemaOptions(assertsFormat: true, checksMetaschema: bytes.count % 2 == 0)
    options.limits.stepsMax = 20_000
    options.limits.matchStepsMax = 5_000
    guard let compiled = try? CompiledSchema(schema, options: options) else { return }  // as above
    for instance in pair.dropFirst() + [schema] {
        guard let document = try? JSONDocument(instance) else { continue }  // as above
        let failures = compiled.validate(document)
        precondition(failures.isEmpty == compiled.isValid(document), "listing and checking disagree")
        precondition(failures.count <= 20, "more failures than asked for")
        for failure in failures {
            guard let pointer = try? JSONPointer(failure.instancePath) else { preconditionFailure("no pointer: \(failure)") }
            precondition(instance[pointer] != nil, "the pointer leads nowhere: \(failure)")
        }
    }
}
