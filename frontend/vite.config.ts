import { fileURLToPath } from "node:url";

import { quasar, transformAssetUrls } from "@quasar/vite-plugin";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

import { compressed } from "./compressed.ts";
import { goldenApi } from "./mock/golden_api.ts";

// The API that `npm run dev` passes requests on to, so that the page and the API have one origin and no CORS is needed.
const API = process.env.HEADRACE_URL ?? "http://127.0.0.1:8080";
const PASSED_ON = ["/api", "/bff", "/enter", "/health", "/metrics"];

export default defineConfig(({ mode }) => ({
  plugins: [vue({ template: { transformAssetUrls } }), quasar(), compressed(), ...(mode === "mock" ? [goldenApi()] : [])],
  resolve: {
    alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) },
    // Without .json, which Vite adds: `@/api/member` is the folder of the client, and not the document beside it.
    extensions: [".mjs", ".js", ".mts", ".ts"],
  },
  server: {
    proxy: mode === "mock" ? {} : Object.fromEntries(PASSED_ON.map((path) => [path, { target: API, changeOrigin: false }])),
  },
  build: { target: "es2022", manifest: true, sourcemap: false, assetsInlineLimit: 0 },
  test: { environment: "happy-dom", include: ["src/**/*.test.ts", "mock/**/*.test.ts", "client/test/**/*.test.ts"], restoreMocks: true },
}));
