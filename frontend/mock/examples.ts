// The golden examples, and what the API itself would answer beside them.
import { readFileSync } from "node:fs";

import type { CatalogEntry, CurrentSession } from "../src/api/core/types.gen.ts";
import type { NewTaskV1, SessionV1 } from "../src/api/member/types.gen.ts";

type Examples<Screen> = Record<string, Screen>;

/** The time of all examples: by another one everything in them would have ended months ago. */
export const EXAMPLE_AT = "2026-03-02T09:15:00Z";
const SESSION_ENDS_AT = "2026-03-03T09:15:00Z";

/** The examples of a screen, by their names. */
export function readExamples<Screen = unknown>(screen: string): Examples<Screen> {
  const file = new URL(`../../tests/bff/golden/${screen}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as Examples<Screen>;
}

/** The session of the user whom the examples are shown to. */
export function currentSession(): CurrentSession {
  const { user, csrf } = full<SessionV1>("SessionV1");
  return {
    user: { ...user, reason: null, created_at: EXAMPLE_AT, decided_at: null, decided_by: null, seen_at: EXAMPLE_AT },
    scopes: ["tasks:read", "tasks:write", "schedules:write", "files:read", "files:write", "admin"],
    credential: "session",
    session: "01980f6e-0000-7000-8000-00000000c0de",
    expires_at: SESSION_ENDS_AT,
    csrf,
  };
}

/** The kinds that the screen for a new task offers. */
export function kinds(): { items: CatalogEntry[] } {
  const { kinds: offered, selected } = full<NewTaskV1>("NewTaskV1");
  const items = (offered ?? []).map(({ name, description, has_workers, enabled, paused }): CatalogEntry => {
    const input_schema = selected?.name === name ? selected.input_schema : { type: "object" };
    const limits = { timeout: 60, max_attempts: 3, concurrency: null, rate: null, process: false };
    const known = { has_workers, enabled, paused, announced_at: EXAMPLE_AT };
    return { name, description, input_schema, result_schema: { type: "object" }, ...limits, ...known };
  });
  return { items };
}

function full<Screen>(screen: string): Screen {
  const example = readExamples<Screen>(screen)["full"];
  if (example === undefined) throw new Error(`${screen} has no full example`);
  return example;
}
