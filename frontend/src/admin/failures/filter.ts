import type { LocationQuery, LocationQueryRaw } from "vue-router";

import type { FailureCode, ShowFailuresData } from "@/api/admin";

export const CODES = [
  "raised",
  "timeout",
  "worker_lost",
  "invalid_input",
  "result_invalid",
  "result_too_large",
  "input_missing",
  "expired",
] as const satisfies FailureCode[];
/** How far back, by the name that the address has for it; in hours. */
export const SPANS = { "1h": 1, "24h": 24, "7d": 168 } as const;
export type Span = keyof typeof SPANS;

const HOUR_MILLISECONDS = 3_600_000;

/** Which failures the page shows, as its address says. What restricts nothing is null. */
export interface FailureFilter {
  kind: string | null;
  code: FailureCode | null;
  owner: string | null;
  from: Span | null;
  fingerprint: string | null;
}

/** Reads the filter of an address. What cannot be is left out. */
export function parseFilter(query: LocationQuery): FailureFilter {
  const text = (name: string): string | null => {
    const value = query[name];
    return typeof value === "string" && value !== "" ? value : null;
  };
  const fingerprint = text("fingerprint");
  return {
    kind: text("kind"),
    code: CODES.find((code) => code === text("code")) ?? null,
    owner: text("owner"),
    from: (Object.keys(SPANS) as Span[]).find((span) => span === text("from")) ?? null,
    fingerprint: fingerprint !== null && /^[0-9a-f]{16}$/.test(fingerprint) ? fingerprint : null,
  };
}

/** Writes a filter as the query of an address. */
export function formatFilter(filter: FailureFilter): LocationQueryRaw {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== null));
}

/** Returns what to ask the API at a time, in milliseconds. Its hours count whole, so that it is the same question all through an hour. */
export function questionOf(filter: FailureFilter, now: number): NonNullable<ShowFailuresData["query"]> {
  const { kind, code, owner, from, fingerprint } = filter;
  return {
    ...(kind === null ? {} : { kind }),
    ...(code === null ? {} : { code }),
    ...(owner === null ? {} : { owner }),
    ...(from === null ? {} : { from: new Date(hourOf(now) - SPANS[from] * HOUR_MILLISECONDS).toISOString() }),
    ...(fingerprint === null ? {} : { fingerprint }),
  };
}

/** Returns when the hour of a time began. */
export function hourOf(now: number): number {
  return Math.floor(now / HOUR_MILLISECONDS) * HOUR_MILLISECONDS;
}

/** Returns whether anything but the chosen group restricts what is shown. */
export function isRestricted(filter: FailureFilter): boolean {
  return filter.kind !== null || filter.code !== null || filter.owner !== null || filter.from !== null;
}
