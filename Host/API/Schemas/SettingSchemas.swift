import Config
import JSON

extension Schemas {
    private static let anyValue: JSONValue = ["type": ["string", "integer", "boolean", "null"]]

    /// One setting of the database, and what holds.
    static let runtimeSetting: JSONValue = object(
        [
            "name": text, "value": anyValue, "default": anyValue, "scope": ["enum": ["host", "tenant"]],
            "source": ["enum": ["database", "default"]], "unit": textOrNull, "summary": text, "schema": anyObject, "by_plan": flag,
        ], required: ["name", "value", "default", "scope", "source", "unit", "summary", "schema", "by_plan"])

    /// A change: made from the table of settings, with each one's range.
    static let settingsChange: JSONValue = {
        var schema = object(["settings": RuntimeSettings.changeSchema()], required: ["settings"], closed: true).objectValue ?? [:]
        if var properties = schema["properties"]?.objectValue, var settings = properties["settings"]?.objectValue {
            settings["minProperties"] = 1
            properties["settings"] = .object(settings)
            schema["properties"] = .object(properties)
        }
        return .object(schema)
    }()

    /// One change that was made.
    static let settingChange: JSONValue = object(
        ["id": text, "at": text, "actor": text, "plan": textOrNull, "name": text, "before": anyValue, "after": anyValue],
        required: ["id", "at", "actor", "plan", "name", "before", "after"])

    /// A plan; `own` is what differs from the host's.
    static let plan: JSONValue = object(
        ["name": text, "limits": anyObject, "own": anyObject, "is_built_in": flag], required: ["name", "limits", "own", "is_built_in"])

    /// What a plan may have of its own.
    static let planChange: JSONValue = object(["limits": RuntimeSettings.changeSchema(\.isByPlan)], required: ["limits"], closed: true)
}
