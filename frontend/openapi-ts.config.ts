// The generated clients: one folder for each OpenAPI document, so that what administrators use is not in the bundle of members.
import { defineConfig } from "@hey-api/openapi-ts";

const HEALTH = "/GET \\/health\\//";

export default defineConfig([
  ...["core", "member", "admin"].map((mount) => ({
    input: `src/api/${mount}.json`,
    output: { path: `src/api/${mount}`, clean: true },
    parser: { filters: { orphans: true, operations: { exclude: ["/GET .*\\/events$/", HEALTH] } } },
    plugins: [
      { name: "@hey-api/client-fetch" as const, runtimeConfigPath: "../transport" },
      "@hey-api/typescript" as const,
      { name: "@hey-api/sdk" as const },
      { name: "@tanstack/vue-query" as const, infiniteQueryOptions: false },
    ],
  })),
  {
    // Programs outside get the types alone, and send what these permit with a few lines of their own: nothing to depend on.
    input: "src/api/core.json",
    output: { path: "client/src/api", clean: true, module: { extension: ".js" } },
    parser: { filters: { orphans: true, operations: { exclude: [HEALTH] } } },
    plugins: ["@hey-api/typescript" as const],
  },
]);
