package import Registry

/// What one version of a plugin may do on the network, compiled when the version is taken into service.
package struct EgressAccess: Sendable {
    /// The plugin's name.
    package let plugin: String
    package let policy: EgressPolicy
    /// Requests of one call.
    package let requestsMax: Int
    /// Bytes of one reply's body.
    package let responseBytesMax: Int
    /// Requests a minute, of one tenant's.
    package let ratePerMinute: Int
    /// What the proxy adds to requests.
    package let secrets: [SecretGrant]
    /// How long one request may take in all, in milliseconds.
    package var requestMillisecondsMax = Limits.requestMillisecondsMax

    /// Compiles a manifest's grant.
    /// - Throws: `EgressPolicyError` naming the member that cannot be compiled.
    package init(
        plugin: String, grant: EgressGrant, secrets: [SecretGrant] = [], privateNetworks: PrivateNetworks = PrivateNetworks()
    ) throws(EgressPolicyError) {
        self.plugin = plugin
        policy = try EgressPolicy(grant, privateNetworks: privateNetworks)
        requestsMax = grant.requestsMax
        responseBytesMax = grant.responseBytesMax
        ratePerMinute = grant.ratePerMinute
        self.secrets = secrets
    }
}

/// On whose behalf a request is made; identity comes from the call, never from the plugin.
package struct EgressCaller: Sendable, Hashable {
    package let plugin: String
    package let tenant: String
    package let requestID: String
    /// W3C trace context of the call.
    package let traceparent: String?
    /// Whose call it is, of which tool: for the audit log.
    package let user: String
    package let version: String?
    package let tool: String?

    package init(
        plugin: String, tenant: String, requestID: String, traceparent: String? = nil, user: String = "", version: String? = nil, tool: String? = nil
    ) {
        self.plugin = plugin
        self.tenant = tenant
        self.requestID = requestID
        self.traceparent = traceparent
        self.user = user
        self.version = version
        self.tool = tool
    }
}
