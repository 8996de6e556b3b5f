extension EgressRefusal {
    /// What was wrong and what to do about it, for the plugin's author and the operator.
    package var explanation: String {
        switch self {
        case .urlEmpty: "there is no URL"
        case .urlTooLong: "the URL is longer than \(Limits.urlBytesMax) bytes"
        case .urlNonASCII: "the URL has a character outside ASCII; write the host as xn-- labels and percent-encode the rest"
        case .urlControl: "the URL has a tab, a line break or another control character"
        case .urlSpace: "the URL has a space; write %20"
        case .urlBackslash: "the URL has a backslash, which programs read differently; write / or %5C in a query"
        case .urlFragment: "the URL has a fragment (#), which is never sent; leave it out"
        case .urlScheme: "the URL is not http or https, or not absolute"
        case .urlAuthority: "the scheme is not followed by //"
        case .urlUserinfo: "there is an @ before the path; a URL carries no user or password: ask for a secret instead"
        case .hostMissing: "the URL names no host"
        case .hostTooLong: "the host name is longer than \(Limits.hostBytesMax) bytes"
        case .hostPercent: "the host is percent-encoded; write it plainly"
        case .hostCharacter: "the host has a character other than letters, digits, hyphen and dot"
        case .hostLabelEmpty: "the host has two dots in a row, or one at its beginning, or more than one at its end"
        case .hostLabelTooLong: "a label of the host is longer than \(Limits.labelBytesMax) bytes"
        case .hostLabelHyphen: "a label of the host begins or ends with a hyphen"
        case .hostLabelReserved: "a label of the host has hyphens in the third and fourth place and is not an xn-- label (RFC 5890)"
        case .hostPunycode: "an xn-- label of the host is not the encoding of a valid name (RFC 3492, RFC 5892)"
        case .ipv4Form: "the host ends in a number but is no IPv4 address of four decimal numbers without leading zeros"
        case .ipv6Form: "the IPv6 address is malformed or not in brackets (RFC 4291)"
        case .ipv6Zone: "the IPv6 address has a zone"
        case .portMissing: "the target names no port; write HOST:PORT"
        case .portEmpty: "there is a colon and no port behind it"
        case .portCharacter: "the port is not a decimal number"
        case .portLeadingZero: "the port begins with a zero"
        case .portRange: "the port is not within 1 and 65535"
        case .pathCharacter: "the path has a character that must be percent-encoded (RFC 3986)"
        case .pathLeadingSlashes: "the path begins with two slashes, which can be taken for a host"
        case .pathDotSegment: "the path has a . or .. segment, perhaps encoded or before a semicolon; write the path it means"
        case .pathEncodedSeparator: "the path has an encoded slash or backslash, which servers read differently"
        case .pathDoubleEncoding: "the path has a dot, slash, backslash or NUL that is encoded twice"
        case .queryCharacter: "the query has a character that must be percent-encoded (RFC 3986)"
        case .percentTriplet: "a % is not followed by two hexadecimal digits"
        case .percentControl: "a control character is percent-encoded in the path, or NUL, CR or LF in the query"
        default: policyExplanation
        }
    }

    private var policyExplanation: String {
        switch self {
        case .methodUnknown: "the method is none of GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS (in capitals)"
        case .fieldName: "a header's name is empty, too long or no token (RFC 9110)"
        case .fieldValue: "a header's value has a control character or one outside ASCII, or blanks around it"
        case .fieldForbidden: "a header belongs to the proxy (framing, connection, Host or proxy credentials)"
        case .fieldsTooMany: "there are more than \(Limits.fieldsMax) headers, or they are longer than \(Limits.fieldBytesMax) bytes together"
        case .noNetwork: "the plugin is granted no network at all"
        case .metadataName: "the host is a cloud's metadata service, which no rule can allow"
        case .specialUseName: "the host is a name that is not looked up in the DNS (RFC 6761)"
        case .hostNotAllowed: "no rule of the manifest allows the host"
        case .schemeNotAllowed: "no rule for the host allows the scheme"
        case .portNotAllowed: "no rule for the host and scheme allows the port"
        case .methodNotAllowed: "no rule for the host, scheme and port allows the method"
        case .pathNotAllowed: "no rule for the host, scheme, port and method allows the path"
        case .tunnelNotAllowed: "no rule for the host and port says socket: true"
        case .addressMissing: "the host has no address"
        case .addressNotPublic: "the host has no public address, and the operator opened no network for it"
        case .redirectTooMany: "there were more than \(Limits.redirectsMax) redirects"
        case .redirectLoop: "a redirect leads to where the request has been"
        case .redirectDowngrade: "a redirect leads from https to http"
        case .redirectAmbiguous: "a redirect has several Location headers"
        default: "the request is not allowed"
        }
    }
}
