// The generated client: one folder for each OpenAPI document, so that what administrators use is not in the bundle of members.
import { defineConfig } from "@hey-api/openapi-ts";

export default defineConfig(
  ["core", "member", "admin"].map((mount) => ({
    input: `src/api/${mount}.json`,
    output: { path: `src/api/${mount}`, clean: true },
    parser: {
      filters: { orphans: true, operations: { exclude: ["/GET .*\\/events$/", "/GET \\/health\\//"] } },
    },
    plugins: [
      { name: "@hey-api/client-fetch" as const, runtimeConfigPath: "../transport" },
      "@hey-api/typescript" as const,
      { name: "@hey-api/sdk" as const },
      { name: "@tanstack/vue-query" as const, infiniteQueryOptions: false },
    ],
  })),
);
