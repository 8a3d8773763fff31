import type { Config } from "./core/client";
import { remembering } from "./etags";
import { refreshing } from "./refresh";

// Changes that are asked for with a cookie need it: a page of another site cannot send it. SessionV1 names the same header.
const CSRF_HEADER = "X-Headrace-CSRF";
const CSRF_VALUE = "1";

/** Send a request as all of the generated clients do: with the cookies of this site, the CSRF header, remembered ETags, and a refreshed session. */
export const send: typeof fetch = refreshing(remembering((input, init) => fetch(input, init)));

/** The settings that the generated clients start with. They call it by name. */
export function createClientConfig<T extends object>(config?: T): T & Config {
  return {
    ...(config as T),
    baseUrl: "",
    credentials: "same-origin",
    headers: { [CSRF_HEADER]: CSRF_VALUE },
    fetch: send,
    throwOnError: true,
  } as T & Config;
}
