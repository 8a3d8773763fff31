import type { Priority, Submission } from "@/api/core";
import type { JsonObject } from "@/schema/json";
import type { FieldError } from "@/schema/rules";

/** What is said about a task besides its input. Times are as people write them: `10m`. */
export interface Options {
  when: { is: "now" } | { is: "later"; delay?: string } | { is: "at"; run_at?: string };
  priority?: Priority;
  labels?: Record<string, string>;
  expires_in?: string;
  max_attempts?: number;
  key?: string;
}

/** A length of time as the command line takes it. */
export const DURATION_PATTERN = String.raw`^[0-9]+(\.[0-9]+)?[smhd]$`;
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Return the seconds of `30s`, `10m`, `2h` or `1d`; null of anything else. */
export function secondsOf(duration: string | undefined): number | null {
  if (duration === undefined || !new RegExp(DURATION_PATTERN, "u").test(duration)) return null;
  return Number(duration.slice(0, -1)) * (SECONDS[duration.slice(-1)] ?? 1);
}

/** Return the body of the request that submits a task. */
export function submissionOf(kind: string, input: unknown, options: Options): Submission {
  const { when, priority, labels = {}, max_attempts } = options;
  const delay = when.is === "later" ? secondsOf(when.delay) : null;
  const expires_in = secondsOf(options.expires_in);
  return {
    kind,
    input: input as JsonObject,
    ...(priority === undefined || priority === "normal" ? {} : { priority }),
    ...(when.is === "at" && when.run_at !== undefined ? { run_at: when.run_at } : {}),
    ...(delay === null ? {} : { delay }),
    ...(expires_in === null ? {} : { expires_in }),
    ...(max_attempts === undefined ? {} : { max_attempts }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
  };
}

const INSIDE_WHEN = new Set(["/delay", "/run_at"]);

/** Return the errors of a refused body that are about the options, with the paths that these have in their form. */
export function errorsOfOptions(errors: readonly FieldError[]): FieldError[] {
  return errors
    .filter((error) => /^\/(priority|labels|expires_in|max_attempts|delay|run_at|name)(\/|$)/u.test(error.path))
    .map((error) => (INSIDE_WHEN.has(error.path) ? { ...error, path: `/when${error.path}` } : error));
}

/** Makes the key of a submission. */
export type KeyMaker = (body: string) => string;

/**
 * Return what gives each body its idempotency key: the same one for as long as the body is the same.
 *
 * So a form that is sent twice, or again after nothing answered, makes one thing; `done` begins anew, for the same once more.
 */
export function useIdempotencyKeys(make: () => string = randomKey): { keyFor: KeyMaker; done: () => void } {
  let last: { body: string; key: string } | null = null;
  return {
    keyFor(body) {
      if (last?.body !== body) last = { body, key: make() };
      return last.key;
    },
    done() {
      last = null;
    },
  };
}

// `randomUUID` is not there on a page that came over plain HTTP from another machine.
function randomKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
