import Identity
import JSON

extension Routes {
    /// Signing in and out, and what is needed for it.
    static func identityRoutes(_ identity: LiveIdentity) -> [Route] {
        entryRoutes(identity) + passwordRoutes(identity) + secondFactorRoutes(identity)
    }

    private static func entryRoutes(_ identity: LiveIdentity) -> [Route] {
        [
            .post(
                "/v1/auth/signup", "signUp", tag: "auth", "Makes an account, signs it in, and sends a letter to confirm its address.",
                access: .anonymous, limitClass: .login, body: Schemas.signUp, data: Schemas.signedIn
            ) { context throws(APIError) in .data(try await identity.signUp(context)) },
            .post(
                "/v1/auth/login", "signIn", tag: "auth",
                "Signs in. `mfa_required` without tokens: the password is right; the same again with `mfa_code`.", access: .anonymous,
                limitClass: .login, body: Schemas.signIn, data: Schemas.signedIn
            ) { context throws(APIError) in .data(try await identity.signIn(context)) },
            .post(
                "/v1/auth/refresh", "refreshTokens", tag: "auth",
                "Exchanges a refresh token for the next one. One that was exchanged before ends its session.", access: .anonymous,
                limitClass: .writes, body: Schemas.object(["refresh_token": Schemas.secretText], required: ["refresh_token"], closed: true),
                data: Schemas.signedIn
            ) { context throws(APIError) in .data(try await identity.refresh(context)) },
            .post(
                "/v1/auth/logout", "signOut", tag: "auth", "Ends the caller's session; its tokens are refused from the next request on.",
                access: .session, limitClass: .writes, data: Schemas.done
            ) { context throws(APIError) in .data(try await identity.signOut(context)) }.alsoBeforeChange,
            .get(
                "/v1/auth/jwks", "getKeySet", tag: "auth", "The public keys that verify access tokens (RFC 7517).", access: .anonymous,
                limitClass: .operations, data: Schemas.anyObject, enveloped: false
            ) { _ throws(APIError) in .data(try identity.keySet()) },
        ]
    }

    private static func passwordRoutes(_ identity: LiveIdentity) -> [Route] {
        [
            .post(
                "/v1/auth/request_reset", "requestReset", tag: "auth",
                "Sends a link to set a new password, if there is such an account; the reply never tells whether there is.", access: .anonymous,
                limitClass: .login, body: Schemas.object(["email": Schemas.email], required: ["email"], closed: true), data: Schemas.done
            ) { context throws(APIError) in .data(try await identity.requestReset(context)) },
            .post(
                "/v1/auth/complete_reset", "completeReset", tag: "auth", "Sets a new password with a link, once; every session ends.",
                access: .anonymous, limitClass: .login,
                body: Schemas.object(
                    ["token": Schemas.secretText, "new_password": Schemas.password], required: ["token", "new_password"], closed: true),
                data: Schemas.done
            ) { context throws(APIError) in .data(try await identity.completeReset(context)) },
            .post(
                "/v1/auth/request_email_verification", "requestEmailVerification", tag: "auth", "Sends a link to confirm the caller's address.",
                access: .session, limitClass: .login, data: Schemas.done
            ) { context throws(APIError) in .data(try await identity.requestVerification(context)) },
            .post(
                "/v1/auth/verify_email", "verifyEmail", tag: "auth", "Confirms an address with a link.", access: .anonymous, limitClass: .login,
                body: Schemas.object(["token": Schemas.secretText], required: ["token"], closed: true), data: Schemas.done
            ) { context throws(APIError) in .data(try await identity.verifyEmail(context)) },
            .post(
                "/v1/auth/password/change", "changePassword", tag: "auth", "Sets another password; every other session ends.", access: .session,
                limitClass: .login,
                body: Schemas.object(
                    ["current_password": Schemas.password, "new_password": Schemas.password], required: ["current_password", "new_password"],
                    closed: true), data: Schemas.done
            ) { context throws(APIError) in .data(try await identity.changePassword(context)) }.alsoBeforeChange,
        ]
    }

    private static func secondFactorRoutes(_ identity: LiveIdentity) -> [Route] {
        let code = Schemas.object(["code": Schemas.code], required: ["code"], closed: true)
        return [
            .get(
                "/v1/auth/mfa/status", "getSecondFactor", tag: "auth", "Where the caller stands with the second factor.", access: .session,
                data: Schemas.object(
                    ["enabled": Schemas.flag, "recovery_codes_left": Schemas.count, "locked_until": Schemas.textOrNull],
                    required: ["enabled", "recovery_codes_left", "locked_until"])
            ) { context throws(APIError) in .data(try await identity.secondFactor(context)) },
            .post(
                "/v1/auth/mfa/enable", "enableSecondFactor", tag: "auth", "Begins a second factor; it counts after mfa/verify.", access: .session,
                limitClass: .login, data: Schemas.object(["secret": Schemas.text, "otpauth_uri": Schemas.text], required: ["secret", "otpauth_uri"])
            ) { context throws(APIError) in .data(try await identity.enableSecondFactor(context)) }.showingOnce,
            .post(
                "/v1/auth/mfa/verify", "verifySecondFactor", tag: "auth", "Enables what was begun; the recovery codes are shown once.",
                access: .session, limitClass: .login, body: code, data: Schemas.recoveryCodes
            ) { context throws(APIError) in .data(try await identity.verifySecondFactor(context)) }.showingOnce,
            .post(
                "/v1/auth/mfa/disable", "disableSecondFactor", tag: "auth", "Takes the second factor away.", access: .session, limitClass: .login,
                body: code, data: Schemas.done
            ) { context throws(APIError) in .data(try await identity.disableSecondFactor(context)) },
            .post(
                "/v1/auth/mfa/recovery", "renewRecoveryCodes", tag: "auth", "Makes new recovery codes; the old ones are void.", access: .session,
                limitClass: .login, body: code, data: Schemas.recoveryCodes
            ) { context throws(APIError) in .data(try await identity.renewRecoveryCodes(context)) }.showingOnce,
        ]
    }
}
