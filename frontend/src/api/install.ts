import { client as admin } from "./admin/client.gen";
import { client as core } from "./core/client.gen";
import { ApiError } from "./errors";
import { client as member } from "./member/client.gen";

/** Make each generated client end a failed request with `ApiError`. The shell calls it once, before the first request. */
export function installApiErrors(): void {
  for (const client of [core, member, admin]) {
    client.interceptors.error.use((cause, response) => ApiError.from(cause, response));
  }
}

declare module "@tanstack/vue-query" {
  interface Register {
    defaultError: ApiError;
  }
}
