internal import JSON
internal import JSONSchema

/// The JSON Schema that both plugin.json and manifests/NAME.json must satisfy.
///
/// It is part of the program, so that nobody can loosen it by editing a file; `manifests/schema/manifest.schema.json` is the same text
/// for people and editors, and a test compares the two.
package enum ManifestSchema {
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
            return .failure(ManifestError(file: "manifest.schema.json", reason: "does not compile: \(error)"))
        }
    }()

    /// The schema's text.
    package static let text = #"""
        {
          "$schema": "https://json-schema.org/draft/2020-12/schema",
          "$id": "https://limen.invalid/schema/manifest.schema.json",
          "title": "Limen plugin manifest",
          "description": "Both plugin.json in a bundle (what the author asks for, with files) and manifests/NAME.json (what the operator grants: the same fields, never more than asked, without files and with bundle). Sizes are bytes, durations milliseconds.",
          "type": "object",
          "additionalProperties": false,
          "required": ["name", "version", "abi", "kind", "library", "sha256"],
          "properties": {
            "$schema": { "description": "Ignored; lets editors find this schema.", "type": "string", "maxLength": 512 },
            "name": { "description": "The plugin's name: the first half of its tools' ids.", "$ref": "#/$defs/pluginName" },
            "version": { "description": "Semantic version 2.0.0.", "$ref": "#/$defs/semver" },
            "description": { "description": "One sentence on what the plugin does.", "type": "string", "maxLength": 1000 },
            "abi": { "description": "Version of limen_plugin.h that the library was built against.", "type": "integer", "minimum": 1, "maximum": 65535 },
            "kind": { "description": "Whether it offers tools or adapters.", "enum": ["tool", "adapter"] },
            "library": {
              "description": "The library to load, as a path in the bundle.",
              "type": "string", "maxLength": 128, "pattern": "^lib/[A-Za-z0-9_][A-Za-z0-9._+-]*\\.so$"
            },
            "sha256": { "description": "SHA-256 of the library.", "$ref": "#/$defs/sha256" },
            "publisher": {
              "description": "Who made and signed the bundle: the name of a trust file in manifests/trust/.",
              "type": "string", "maxLength": 128, "pattern": "^[A-Za-z0-9][A-Za-z0-9 ._@+-]*$", "default": "local"
            },
            "enabled": { "description": "Whether the plugin may be loaded. Only manifests/NAME.json decides.", "type": "boolean", "default": false },
            "bundle": {
              "description": "Only in manifests/NAME.json: the bundle's folder, relative to DATA/bundles or to the manifest folder; without it NAME-VERSION.",
              "$ref": "#/$defs/relativePath"
            },
            "bundle_sha256": { "description": "Only in manifests/NAME.json: SHA-256 of the bundle's plugin.json; pins every file of the bundle.", "$ref": "#/$defs/sha256" },
            "canary": {
              "description": "Only in manifests/NAME.canary.json: the percent of calls that this grant gets while manifests/NAME.json gets the rest.",
              "type": "integer", "minimum": 1, "maximum": 99
            },
            "files": {
              "description": "Only in plugin.json: every file of the bundle but plugin.json and SIGNATURE, with its SHA-256.",
              "type": "object", "minProperties": 1, "maxProperties": 512,
              "propertyNames": { "$ref": "#/$defs/relativePath" },
              "additionalProperties": { "$ref": "#/$defs/sha256" }
            },
            "tools": {
              "description": "The tools it offers. Names, descriptions and schemas are part of what was approved.",
              "type": "array", "maxItems": 128, "items": { "$ref": "#/$defs/tool" }
            },
            "adapters": {
              "description": "The adapters it offers.",
              "type": "array", "maxItems": 32, "items": { "$ref": "#/$defs/adapter" }
            },
            "isolation": {
              "description": "What one worker process may serve before it is destroyed: one call, one user, one tenant, or everyone (only with state none).",
              "enum": ["call", "user", "tenant", "shared"], "default": "tenant"
            },
            "state": {
              "description": "Whether the plugin keeps key-value state through the host. Plugins that declare none may be shared.",
              "enum": ["key_value", "none"], "default": "key_value"
            },
            "limits": { "$ref": "#/$defs/limits" },
            "egress": { "$ref": "#/$defs/egress" },
            "secrets": { "description": "Secrets that the proxy adds to requests; the plugin never sees them.", "type": "array", "maxItems": 32, "items": { "$ref": "#/$defs/secret" } },
            "mounts": { "description": "Host folders shown read-only in the jail.", "type": "array", "maxItems": 16, "items": { "$ref": "#/$defs/mount" } },
            "syscalls": {
              "description": "System calls beyond the jail's base list. Only harmless ones can be granted at all; the registry names those that cannot.",
              "type": "array", "maxItems": 64, "uniqueItems": true,
              "items": { "type": "string", "pattern": "^[a-z][a-z0-9_]{0,31}$" }
            },
            "config": { "description": "Handed to the plugin as it is; must satisfy config_schema.", "type": "object", "maxProperties": 256 },
            "config_schema": { "description": "JSON Schema 2020-12 of config.", "$ref": "#/$defs/schema" }
          },
          "allOf": [
            {
              "if": { "properties": { "kind": { "const": "tool" } }, "required": ["kind"] },
              "then": { "required": ["tools"], "properties": { "tools": { "minItems": 1 } } },
              "else": { "required": ["adapters"], "properties": { "adapters": { "minItems": 1 } } }
            },
            {
              "if": { "properties": { "isolation": { "const": "shared" } }, "required": ["isolation"] },
              "then": { "required": ["state"], "properties": { "state": { "const": "none" } } }
            }
          ],
          "$defs": {
            "pluginName": { "type": "string", "maxLength": 63, "pattern": "^[a-z][a-z0-9_-]*$" },
            "sha256": { "type": "string", "minLength": 64, "maxLength": 64, "pattern": "^[0-9a-f]+$" },
            "semver": {
              "type": "string", "maxLength": 64,
              "pattern": "^(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)(-[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*)?(\\+[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*)?$"
            },
            "relativePath": {
              "description": "No leading slash, no empty, dot or dot-dot component, printable ASCII.",
              "type": "string", "minLength": 1, "maxLength": 255,
              "pattern": "^[A-Za-z0-9_+@%=,~-][A-Za-z0-9_+@%=,~. -]*(/[A-Za-z0-9_+@%=,~-][A-Za-z0-9_+@%=,~. -]*)*$"
            },
            "schema": { "type": ["object", "boolean"] },
            "tool": {
              "type": "object", "additionalProperties": false,
              "required": ["name", "description", "input_schema"],
              "properties": {
                "name": { "description": "The tool's name: the second half of its id.", "type": "string", "maxLength": 64, "pattern": "^[a-z][a-z0-9_]*$" },
                "title": { "description": "What people read; the name when absent.", "type": "string", "minLength": 1, "maxLength": 128 },
                "description": { "description": "What the tool does, for people and models.", "type": "string", "minLength": 1, "maxLength": 4096 },
                "input_schema": { "description": "JSON Schema 2020-12 of the input.", "$ref": "#/$defs/schema" },
                "output_schema": { "description": "JSON Schema 2020-12 of the output; without it any JSON is accepted.", "$ref": "#/$defs/schema" },
                "annotations": {
                  "type": "object", "additionalProperties": false,
                  "properties": {
                    "read_only": { "description": "Changes nothing.", "type": "boolean", "default": false },
                    "destructive": { "description": "May destroy something; people are asked first.", "type": "boolean", "default": false },
                    "idempotent": { "description": "A repeated call has no further effect, so the host may retry it.", "type": "boolean", "default": false },
                    "open_world": { "description": "Reaches things outside this host.", "type": "boolean", "default": false }
                  }
                },
                "content_type": { "description": "What the output is.", "enum": ["json", "text", "html_untrusted"], "default": "json" },
                "privileged": { "description": "Only for admins, through an artifact that an admin owns.", "type": "boolean", "default": false },
                "timeout_ms": { "description": "Wall clock over all retries.", "type": "integer", "minimum": 1, "maximum": 60000, "default": 15000 },
                "retries": { "description": "Retries after the first attempt, for idempotent tools or failures before the plugin was reached.", "type": "integer", "minimum": 0, "maximum": 3, "default": 2 },
                "examples": {
                  "description": "Calls that limen plugin test makes.", "type": "array", "maxItems": 32,
                  "items": {
                    "type": "object", "additionalProperties": false, "required": ["input"],
                    "properties": {
                      "name": { "type": "string", "minLength": 1, "maxLength": 128 },
                      "input": { "description": "Valid against input_schema." },
                      "output": { "description": "What the call must answer, exactly; absent when it varies." }
                    }
                  }
                }
              }
            },
            "adapter": {
              "type": "object", "additionalProperties": false, "required": ["type"],
              "properties": {
                "type": { "enum": ["model.chat", "model.embed", "model.train", "parser.document", "speech.transcribe", "speech.synthesize"] },
                "models": { "description": "Names of the models it serves.", "type": "array", "maxItems": 256, "uniqueItems": true, "items": { "type": "string", "minLength": 1, "maxLength": 128 } }
              }
            },
            "limits": {
              "description": "What one worker may use. In manifests/NAME.json no value may be above the plugin's own.",
              "type": "object", "additionalProperties": false,
              "properties": {
                "memory_bytes": { "description": "Memory with scratch; no swap.", "type": "integer", "minimum": 8388608, "maximum": 68719476736, "default": 134217728 },
                "cpu_percent": { "description": "CPU time, in percent of one core.", "type": "integer", "minimum": 1, "maximum": 6400, "default": 100 },
                "tasks": { "description": "Processes and threads.", "type": "integer", "minimum": 1, "maximum": 4096, "default": 32 },
                "scratch_bytes": { "description": "Size of /scratch.", "type": "integer", "minimum": 65536, "maximum": 17179869184, "default": 67108864 },
                "open_files": { "description": "Open descriptors.", "type": "integer", "minimum": 16, "maximum": 65536, "default": 64 },
                "input_bytes": { "description": "Input of a call.", "type": "integer", "minimum": 1024, "maximum": 67108864, "default": 1048576 },
                "output_bytes": { "description": "Output of a call.", "type": "integer", "minimum": 1024, "maximum": 67108864, "default": 1048576 },
                "workers": { "description": "Workers at once, one call in flight each.", "type": "integer", "minimum": 1, "maximum": 256, "default": 4 },
                "worker_calls": { "description": "Calls before a worker is replaced.", "type": "integer", "minimum": 1, "maximum": 10000000, "default": 10000 },
                "worker_lifetime_ms": { "description": "Age at which a worker is replaced.", "type": "integer", "minimum": 1000, "maximum": 86400000, "default": 3600000 },
                "idle_ms": { "description": "How long an unused worker is kept.", "type": "integer", "minimum": 0, "maximum": 3600000, "default": 60000 }
              }
            },
            "egress": {
              "description": "The network. Empty or absent: none at all.",
              "type": "object", "additionalProperties": false,
              "properties": {
                "allow": { "type": "array", "maxItems": 64, "items": { "$ref": "#/$defs/egressRule" } },
                "max_requests": { "description": "Requests a call.", "type": "integer", "minimum": 1, "maximum": 1000, "default": 16 },
                "max_response_bytes": { "description": "Response bytes a request.", "type": "integer", "minimum": 1, "maximum": 1073741824, "default": 1048576 },
                "rate": { "description": "Requests a minute.", "type": "integer", "minimum": 1, "maximum": 60000, "default": 60 }
              }
            },
            "egressRule": {
              "type": "object", "additionalProperties": false, "required": ["host"],
              "properties": {
                "scheme": { "enum": ["https", "http"], "default": "https" },
                "host": {
                  "description": "Exact, or *.example.com for subdomains only; lower case. In plugin.json also *: the operator names hosts and ports.",
                  "type": "string", "minLength": 1, "maxLength": 253,
                  "pattern": "^(\\*|(\\*\\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*)$"
                },
                "ports": { "description": "Absent: the scheme's own.", "type": "array", "minItems": 1, "maxItems": 16, "uniqueItems": true, "items": { "type": "integer", "minimum": 1, "maximum": 65535 } },
                "methods": { "description": "Absent: GET and HEAD.", "type": "array", "minItems": 1, "maxItems": 9, "uniqueItems": true, "items": { "enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] } },
                "paths": {
                  "description": "Exact paths, or prefixes that end in *. Absent: all.",
                  "type": "array", "minItems": 1, "maxItems": 64, "uniqueItems": true,
                  "items": { "type": "string", "maxLength": 512, "pattern": "^/[A-Za-z0-9_.~!$&'()+,;=:@%/-]*\\*?$" }
                },
                "socket": { "description": "Also open host and ports to unmodified clients by CONNECT; then without methods and paths, which a tunnel cannot enforce.", "type": "boolean", "default": false }
              },
              "allOf": [
                {
                  "if": { "properties": { "socket": { "const": true } }, "required": ["socket"] },
                  "then": { "properties": { "methods": false, "paths": false } }
                },
                { "if": { "properties": { "host": { "const": "*" } } }, "then": { "properties": { "ports": false, "socket": false } } }
              ]
            },
            "hostPattern": {
              "description": "Exact, or *.example.com for subdomains only; lower case. In plugin.json also *: the hosts that the operator names.",
              "type": "string", "minLength": 1, "maxLength": 253,
              "pattern": "^(\\*|(\\*\\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*)$"
            },
            "secret": {
              "type": "object", "additionalProperties": false, "required": ["name", "in", "hosts"],
              "properties": {
                "name": { "description": "Its name in the host's encrypted store.", "type": "string", "maxLength": 128, "pattern": "^[A-Za-z][A-Za-z0-9_.-]*$" },
                "in": { "description": "Where the proxy puts it.", "enum": ["header", "query", "basic"] },
                "field": { "description": "Header or query field; not for basic.", "type": "string", "maxLength": 128, "pattern": "^[A-Za-z][A-Za-z0-9_-]*$" },
                "prefix": { "description": "Text before the value, for example Bearer and a space.", "type": "string", "maxLength": 64, "pattern": "^[ -~]*$" },
                "hosts": { "description": "Only for these hosts, which egress must allow.", "type": "array", "minItems": 1, "maxItems": 16, "uniqueItems": true, "items": { "$ref": "#/$defs/hostPattern" } }
              },
              "if": { "properties": { "in": { "const": "basic" } } },
              "then": { "properties": { "field": false, "prefix": false } },
              "else": { "required": ["field"] }
            },
            "mount": {
              "type": "object", "additionalProperties": false, "required": ["target"],
              "properties": {
                "target": { "description": "Where the jail shows it, read-only.", "type": "string", "maxLength": 128, "pattern": "^/mnt/[a-z0-9][a-z0-9_-]*$" },
                "source": { "description": "The host's folder; only in manifests/NAME.json, where it is required.", "type": "string", "minLength": 2, "maxLength": 1024, "pattern": "^(/[A-Za-z0-9_+@%=,~-][A-Za-z0-9_+@%=,~. -]*)+$" },
                "description": { "description": "What the plugin needs it for.", "type": "string", "maxLength": 512 }
              }
            }
          }
        }

        """#
}
