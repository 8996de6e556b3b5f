/// The rule that refused a request. Its raw value goes to plugins, logs and metrics; its texts are constant, so that none can carry an internal address.
package enum EgressRefusal: String, Error, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    // The URL as a whole.
    case urlEmpty = "url_empty"
    case urlTooLong = "url_too_long"
    case urlNonASCII = "url_non_ascii"
    case urlControl = "url_control"
    case urlSpace = "url_space"
    case urlBackslash = "url_backslash"
    case urlFragment = "url_fragment"
    case urlScheme = "url_scheme"
    case urlAuthority = "url_authority"
    case urlUserinfo = "url_userinfo"
    // Its host.
    case hostMissing = "host_missing"
    case hostTooLong = "host_too_long"
    case hostPercent = "host_percent"
    case hostCharacter = "host_character"
    case hostLabelEmpty = "host_label_empty"
    case hostLabelTooLong = "host_label_too_long"
    case hostLabelHyphen = "host_label_hyphen"
    case hostLabelReserved = "host_label_reserved"
    case hostPunycode = "host_punycode"
    case ipv4Form = "ipv4_form"
    case ipv6Form = "ipv6_form"
    case ipv6Zone = "ipv6_zone"
    // Its port.
    case portMissing = "port_missing"
    case portEmpty = "port_empty"
    case portCharacter = "port_character"
    case portLeadingZero = "port_leading_zero"
    case portRange = "port_range"
    // Its path and query.
    case pathCharacter = "path_character"
    case pathLeadingSlashes = "path_leading_slashes"
    case pathDotSegment = "path_dot_segment"
    case pathEncodedSeparator = "path_encoded_separator"
    case pathDoubleEncoding = "path_double_encoding"
    case queryCharacter = "query_character"
    case percentTriplet = "percent_triplet"
    case percentControl = "percent_control"
    // The rest of the request.
    case methodUnknown = "method_unknown"
    case fieldName = "field_name"
    case fieldValue = "field_value"
    case fieldForbidden = "field_forbidden"
    case fieldsTooMany = "fields_too_many"
    // The policy.
    case noNetwork = "no_network"
    case metadataName = "metadata_name"
    case specialUseName = "special_use_name"
    case hostNotAllowed = "host_not_allowed"
    case schemeNotAllowed = "scheme_not_allowed"
    case portNotAllowed = "port_not_allowed"
    case methodNotAllowed = "method_not_allowed"
    case pathNotAllowed = "path_not_allowed"
    case tunnelNotAllowed = "tunnel_not_allowed"
    // Secrets.
    case secretField = "secret_field"
    case secretMissing = "secret_missing"
    case secretUnusable = "secret_unusable"
    case secretInClear = "secret_in_clear"
    // The addresses.
    case addressMissing = "address_missing"
    case addressNotPublic = "address_not_public"
    // Quotas.
    case quotaRequests = "quota_requests"
    case quotaRate = "quota_rate"
    case quotaConcurrency = "quota_concurrency"
    // Redirects.
    case redirectTooMany = "redirect_too_many"
    case redirectLoop = "redirect_loop"
    case redirectDowngrade = "redirect_downgrade"
    case redirectAmbiguous = "redirect_ambiguous"

    /// The rule and what it says, on one line.
    package var description: String { "\(rawValue): \(explanation)" }
}
