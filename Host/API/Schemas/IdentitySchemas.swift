import Identity
import JSON

extension Schemas {
    /// An address as a client sends it; the rules of identity say more.
    static let email: JSONValue = ["type": "string", "minLength": 3, "maxLength": JSONValue(IdentityLimits.emailBytesMax)]
    /// A password as a client sends it.
    static let password: JSONValue = [
        "type": "string", "minLength": 1, "maxLength": JSONValue(IdentityLimits.passwordBytesMax), "writeOnly": true,
    ]
    /// A token, a link's code or the like.
    static let secretText: JSONValue = ["type": "string", "minLength": 1, "maxLength": 128, "writeOnly": true]
    /// Six digits, or a recovery code.
    static let code: JSONValue = ["type": "string", "minLength": 6, "maxLength": 32, "writeOnly": true]
    /// An id of ours.
    static let identifier: JSONValue = ["type": "string", "minLength": 1, "maxLength": JSONValue(Limits.identifierBytesMax)]
    private static let device: JSONValue = ["enum": ["web", "mobile"], "default": "web"]
    private static let role: JSONValue = ["enum": .array(Role.allCases.map { .string($0.rawValue) })]
    private static let scopes: JSONValue = [
        "type": "array", "minItems": 1, "maxItems": JSONValue(Scope.allCases.count), "uniqueItems": true,
        "items": ["enum": .array(Scope.allCases.map { .string($0.rawValue) })],
    ]

    /// Nothing more to say.
    static let done: JSONValue = object(["done": flag], required: ["done"])

    static let signIn: JSONValue = object(
        ["email": email, "password": password, "mfa_code": code, "device_type": device], required: ["email", "password"], closed: true)

    static let signUp: JSONValue = object(
        [
            "email": email, "password": password, "handle": ["type": "string", "maxLength": 160], "device_type": device, "invitation": secretText,
        ],
        required: ["email", "password"], closed: true)

    /// The contract's sign-in reply; without tokens while `mfa_required`.
    static let signedIn: JSONValue = object(
        [
            "user_id": text, "tenant_id": text, "role": role, "session_id": textOrNull, "session_handle": textOrNull,
            "session_expires_at": textOrNull, "access_token": textOrNull, "access_expires_at": textOrNull, "refresh_token": textOrNull,
            "token_type": textOrNull, "mfa_required": flag, "password_change_required": flag,
        ],
        required: [
            "user_id", "tenant_id", "role", "session_id", "session_expires_at", "access_token", "refresh_token", "token_type", "mfa_required",
        ])

    static let recoveryCodes: JSONValue = object(["recovery_codes": ["type": "array", "items": text]], required: ["recovery_codes"])

    static let user: JSONValue = object(
        [
            "id": text, "email": text, "handle": textOrNull, "role": role, "tenant_id": text, "plan_tier": text, "is_active": flag,
            "is_verified": flag, "created_at": text, "meta": anyObject,
        ], required: ["id", "email", "handle", "role", "tenant_id", "plan_tier", "is_active", "created_at", "meta"])

    static let newUser: JSONValue = object(
        ["email": email, "password": password, "handle": ["type": "string", "maxLength": 160], "role": role], required: ["email", "password"],
        closed: true)

    static let tenant: JSONValue = object(
        ["id": text, "name": text, "host": textOrNull, "is_active": flag, "created_at": text],
        required: ["id", "name", "host", "is_active", "created_at"])

    static let newTenant: JSONValue = object(
        ["id": ["type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"], "name": text, "host": text], required: ["id"], closed: true)

    static let invitation: JSONValue = object(
        ["id": text, "tenant_id": text, "email": text, "role": role, "created_at": text, "expires_at": text],
        required: ["id", "tenant_id", "email", "role", "created_at", "expires_at"])

    static let newInvitation: JSONValue = object(
        [
            "email": email, "role": role,
            "expires_in_ms": [
                "type": "integer", "minimum": 60_000, "maximum": 2_592_000_000, "default": JSONValue(IdentityLimits.invitationMilliseconds),
            ],
        ], required: ["email"], closed: true)

    static let settings: JSONValue = object(["single_session": flag], required: ["single_session"], closed: true)

    /// A JSON Patch; what its operations mean is RFC 6902's business.
    static let patch: JSONValue = [
        "type": "array", "minItems": 1, "maxItems": 64,
        "items": object(
            ["op": ["enum": ["add", "remove", "replace", "move", "copy", "test"]], "path": text, "from": text, "value": [:]],
            required: ["op", "path"], closed: true),
    ]

    static let session: JSONValue = object(
        ["handle": text, "device_type": device, "created_at": text, "used_at": text, "expires_at": text, "is_current": flag],
        required: ["handle", "device_type", "created_at", "used_at", "expires_at", "is_current"])

    private static let keyProperties: JSONObject = [
        "id": text, "name": text, "scopes": scopes, "created_at": text, "expires_at": text, "last_used_at": textOrNull,
    ]
    static let apiKey: JSONValue = object(keyProperties, required: ["id", "name", "scopes", "created_at", "expires_at", "last_used_at"])

    /// The same with the key itself, once.
    static let shownAPIKey: JSONValue = {
        var properties = keyProperties
        properties["key"] = text
        return object(properties, required: ["id", "name", "scopes", "created_at", "expires_at", "key"])
    }()

    static let newAPIKey: JSONValue = object(
        [
            "name": ["type": "string", "minLength": 1, "maxLength": 64], "scopes": scopes,
            "expires_in_ms": [
                "type": "integer", "minimum": 60_000, "maximum": JSONValue(Limits.keyMillisecondsMax),
                "default": JSONValue(Limits.keyMillisecondsDefault),
            ],
        ], required: ["name", "scopes"], closed: true)
}
