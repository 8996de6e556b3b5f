import JSON

extension Routes {
    private static let planParameter = Parameter(
        "name", ["type": "string", "pattern": "^[a-z][a-z0-9_-]{0,63}$"], "The plan's name, as accounts have it in `plan_tier`.")

    /// What is decided while the server runs: settings, and plans with their own.
    static func settingRoutes(_ settings: LiveSettings) -> [Route] {
        [
            .get(
                "/v1/admin/settings", "listSettings", tag: "admin", "What holds: the tenant's settings, and for an operator the host's.",
                access: .admin, data: Schemas.list(of: Schemas.runtimeSetting)
            ) { context throws(APIError) in .data(try await settings.list(context)) },
            .act(
                "PUT", "/v1/admin/settings", "changeSettingsOfHost", tag: "admin",
                "Sets what is named, on every host at once; null takes a setting back to its default. An operator's or a tenant's, by the setting.",
                access: .admin, limitClass: .config, body: Schemas.settingsChange, data: Schemas.list(of: Schemas.runtimeSetting)
            ) { context throws(APIError) in .data(try await settings.change(context)) },
            .get(
                "/v1/admin/settings/history", "listSettingChanges", tag: "admin",
                "Who changed which setting when, newest first: the tenant's, or for an operator the host's.", access: .admin,
                query: Schemas.pageParameters, data: Schemas.list(of: Schemas.settingChange)
            ) { context throws(APIError) in .data(try await settings.history(context)) },
            .get(
                "/v1/admin/plans", "listPlans", tag: "admin", "Every plan with the limits that hold for it.", access: .admin,
                data: Schemas.list(of: Schemas.plan)
            ) { _ throws(APIError) in .data(settings.plans()) },
            .act(
                "PUT", "/v1/admin/plans/{name}", "setPlan", tag: "admin",
                "Makes or changes a plan: what is named is its own, null is the host's again.", limitClass: .config, parameters: [planParameter],
                body: Schemas.planChange, data: Schemas.plan
            ) { context throws(APIError) in .data(try await settings.setPlan(context)) },
            .act(
                "DELETE", "/v1/admin/plans/{name}", "removePlan", tag: "admin",
                "Removes a plan that nobody is on; of `free` and `paid` only what was made their own.", limitClass: .config,
                parameters: [planParameter],
                data: Schemas.done
            ) { context throws(APIError) in .data(try await settings.removePlan(context)) },
        ]
    }
}
