import JSON
import Workflows

extension Schemas {
    static let workflow: JSONValue = object(
        [
            "id": text, "name": text, "description": text, "kind": text, "owner_user_id": textOrNull,
            "visibility": ["enum": ["private", "shared", "global"]], "version": count, "tools": ["type": "array", "items": text], "nodes": count,
            "input_schema": ["type": ["object", "boolean", "null"]], "timeout_ms": count, "created_at": text, "updated_at": text,
        ],
        required: [
            "id", "name", "description", "kind", "owner_user_id", "visibility", "version", "tools", "nodes", "input_schema", "timeout_ms",
            "created_at",
            "updated_at",
        ])

    /// Body of a run.
    static let newRun: JSONValue = object(
        [
            "input": ["description": "What `${input…}` reads; checked against the workflow's input_schema. An empty object without it."],
            "conversation_id": identifier, "client_request_id": identifier,
            "wait_ms": ["type": "integer", "minimum": 0, "maximum": JSONValue(WorkflowLimits.waitMillisecondsMax)], "dry_run": flag,
        ], closed: true)

    private static let workflowError: JSONValue = [
        "anyOf": [
            ["type": "null"],
            object(["code": text, "reason": text, "message": text, "node": text, "details": anyObject], required: ["code", "message"]),
        ]
    ]

    private static let traceEntry: JSONValue = object(
        [
            "node": text, "type": text, "outcome": ["enum": .array(WorkflowTraceEntry.Outcome.allCases.map { .string($0.rawValue) })],
            "started_at": text, "wall_ms": count, "tries": count, "retries": count, "timeouts": count, "tool": text, "version": text, "next": text,
            "error": workflowError,
        ], required: ["node", "type", "outcome", "started_at", "wall_ms", "tries", "retries", "timeouts"])

    private static let runProperties: JSONObject = [
        "id": text, "workflow_id": text, "version": count, "user_id": text, "conversation_id": textOrNull, "client_request_id": textOrNull,
        "state": ["enum": .array(RunState.allCases.map { .string($0.rawValue) })], "error": workflowError, "attempts": count, "created_at": text,
        "started_at": textOrNull, "ended_at": textOrNull, "deadline_at": text,
    ]
    private static let runRequired = [
        "id", "workflow_id", "version", "user_id", "conversation_id", "client_request_id", "state", "error", "attempts", "created_at", "started_at",
        "ended_at", "deadline_at",
    ]

    /// A run as lists show it.
    static let runHeading: JSONValue = object(runProperties, required: runRequired)

    /// A run with all that is kept of it.
    static let run: JSONValue = {
        var properties = runProperties
        (properties["input"], properties["outputs"], properties["trace"]) = ([:], [:], ["type": "array", "items": traceEntry])
        return object(properties, required: runRequired + ["input", "outputs", "trace"])
    }()

    /// What a run would do.
    private static let runPlan: JSONValue = object(
        [
            "workflow_id": text, "version": count, "dry_run": ["const": true], "runnable": flag,
            "steps": [
                "type": "array",
                "items": object(
                    [
                        "node": text, "type": text, "certain": flag, "tool": text, "version": text, "input": [:],
                        "next": ["type": "array", "items": text], "problem": workflowError,
                    ], required: ["node", "type", "certain", "next"]),
            ],
        ], required: ["workflow_id", "version", "dry_run", "runnable", "steps"])

    /// What the route of runs answers: a run, or a plan.
    static let runOrPlan: JSONValue = ["anyOf": [run, runPlan]]
}
