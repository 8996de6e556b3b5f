internal import JSON
internal import JSONSchema

/// The JSON Schema of a trust file; part of the program as the manifest's is. `manifests/schema/trust.schema.json` is the same text.
package enum TrustSchema {
    /// The schema, compiled once.
    static func compiled() throws(ManifestError) -> CompiledSchema {
        switch shared {
        case .success(let schema): schema
        case .failure(let error): throw error
        }
    }

    private static let shared: Result<CompiledSchema, ManifestError> = {
        do {
            return .success(try CompiledSchema(JSONValue(parsing: text)))
        } catch {
            return .failure(ManifestError(file: "trust.schema.json", reason: "does not compile: \(error)"))
        }
    }()

    /// The schema's text.
    package static let text = #"""
        {
          "$schema": "https://json-schema.org/draft/2020-12/schema",
          "$id": "https://limen.invalid/schema/trust.schema.json",
          "title": "Limen trusted publisher",
          "description": "manifests/trust/NAME.json: whose bundles this host takes. The file is named after the publisher.",
          "type": "object",
          "additionalProperties": false,
          "required": ["name", "keys"],
          "properties": {
            "$schema": { "description": "Ignored; lets editors find this schema.", "type": "string", "maxLength": 512 },
            "name": {
              "description": "The publisher, as its bundles' plugin.json names it.",
              "type": "string", "maxLength": 128, "pattern": "^[A-Za-z0-9][A-Za-z0-9 ._@+-]*$"
            },
            "description": { "description": "Who that is and why it is trusted.", "type": "string", "maxLength": 1000 },
            "plugins": {
              "description": "Plugins that it may sign: exact names, or a beginning and a star. Absent: any.",
              "type": "array", "minItems": 1, "maxItems": 64, "uniqueItems": true,
              "items": { "type": "string", "maxLength": 64, "pattern": "^([a-z][a-z0-9_-]*\\*?|\\*)$" }
            },
            "keys": {
              "description": "Its keys: more than one while it changes from one to the next.",
              "type": "array", "minItems": 1, "maxItems": 16,
              "items": {
                "type": "object", "additionalProperties": false, "required": ["public_key"],
                "properties": {
                  "public_key": { "description": "Ed25519, 32 bytes in base64url.", "type": "string", "pattern": "^[A-Za-z0-9_-]{43}$" },
                  "not_before": { "description": "Not trusted before this moment.", "$ref": "#/$defs/moment" },
                  "not_after": { "description": "Not trusted after this moment.", "$ref": "#/$defs/moment" },
                  "revoked": { "description": "Why it is trusted no more; whatever it signed is refused, whenever that was.", "type": "string", "minLength": 1, "maxLength": 512 },
                  "note": { "type": "string", "maxLength": 512 }
                }
              }
            }
          },
          "$defs": {
            "moment": {
              "description": "RFC 3339 in UTC, in whole seconds.",
              "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
            }
          }
        }

        """#
}
