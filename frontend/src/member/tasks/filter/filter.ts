import type { LocationQuery, LocationQueryRaw } from "vue-router";

import type { Filter } from "@/api/core";
import type { FailureCode, FilterView, ShowTasksData, State, TaskOrder, TaskRow } from "@/api/member";

/** Which tasks a list shows, and in what order, as its address says. What restricts nothing is `null` or empty. */
export type TaskFilter = FilterView & { sort: TaskOrder };

export const STATES = ["pending", "queued", "running", "succeeded", "failed", "cancelled"] as const satisfies State[];
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
export const ORDERS = ["newest", "longest_run", "longest_wait"] as const satisfies TaskOrder[];

const TEXTS = ["batch", "schedule", "owner", "fingerprint", "q"] as const;
const TIMES = ["created_from", "created_before", "finished_from", "finished_before"] as const;
const DURATIONS = ["slower_than", "waited_longer_than"] as const;
// As many as the API takes in one filter.
const KINDS_MAX = 10;
const FINAL: ReadonlySet<State> = new Set<State>(["succeeded", "failed", "cancelled"]);

/** Return a filter that restricts nothing. */
export function anyTask(): TaskFilter {
  return {
    state: [],
    kind: [],
    code: [],
    batch: null,
    schedule: null,
    owner: null,
    fingerprint: null,
    q: null,
    labels: {},
    created_from: null,
    created_before: null,
    finished_from: null,
    finished_before: null,
    slower_than: null,
    waited_longer_than: null,
    sort: "newest",
  };
}

/** Read the filter that an address names. What cannot be is left out, so that an old or mistyped address still shows a list. */
export function parseFilter(query: LocationQuery): TaskFilter {
  const filter = anyTask();
  filter.state = among(STATES, values(query, "state"));
  filter.kind = [...new Set(values(query, "kind"))].slice(0, KINDS_MAX);
  filter.code = among(CODES, values(query, "code"));
  for (const name of TEXTS) filter[name] = values(query, name)[0] ?? null;
  for (const name of TIMES) filter[name] = values(query, name).find((value) => !Number.isNaN(Date.parse(value))) ?? null;
  for (const name of DURATIONS) {
    const seconds = Number(values(query, name)[0] ?? Number.NaN);
    filter[name] = Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
  }
  filter.labels = Object.fromEntries(values(query, "label").flatMap(parseLabel));
  filter.sort = among(ORDERS, values(query, "sort"))[0] ?? "newest";
  return filter;
}

/** Write a filter as the query of an address. What restricts nothing is left out, and so is the usual order. */
export function formatFilter(filter: Partial<TaskFilter>): LocationQueryRaw {
  const query: LocationQueryRaw = {};
  for (const name of ["state", "kind", "code"] as const) {
    const listed = filter[name];
    if (listed !== undefined && listed.length > 0) query[name] = [...listed];
  }
  for (const name of [...TEXTS, ...TIMES]) if (hasText(filter[name])) query[name] = filter[name];
  for (const name of DURATIONS) {
    const seconds = filter[name];
    if (seconds !== undefined && seconds !== null) query[name] = String(seconds);
  }
  const labels = Object.entries(filter.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  if (labels.length > 0) query["label"] = labels;
  if (filter.sort !== undefined && filter.sort !== "newest") query["sort"] = filter.sort;
  return query;
}

/** Return the parameters that ask the API for the tasks of a filter. */
export function queryOf(filter: TaskFilter): NonNullable<ShowTasksData["query"]> {
  const query: NonNullable<ShowTasksData["query"]> = { sort: filter.sort };
  if (filter.state.length > 0) query.state = filter.state;
  if (filter.kind.length > 0) query.kind = filter.kind;
  if (filter.code.length > 0) query.code = filter.code;
  for (const name of [...TEXTS, ...TIMES]) if (hasText(filter[name])) query[name] = filter[name];
  for (const name of DURATIONS) if (filter[name] !== null) query[name] = filter[name];
  const labels = Object.entries(filter.labels).map(([key, value]) => `${key}=${value}`);
  if (labels.length > 0) query.label = labels;
  return query;
}

/** Return the tasks of a filter as `select` of a bulk action names them. */
export function selectOf(filter: FilterView): Filter {
  const entries = Object.entries(filter).filter(([name, value]) => name !== "sort" && restricts(value));
  return Object.fromEntries(entries);
}

/** Return the names of the fields that restrict the tasks. The order of the list is none of them. */
export function restrictions(filter: Partial<FilterView>): (keyof FilterView)[] {
  const all = Object.entries(filter) as [keyof FilterView | "sort", unknown][];
  return all.flatMap(([name, value]) => (name !== "sort" && restricts(value) ? [name] : []));
}

/** Return the filter without one of its fields. */
export function without(filter: TaskFilter, ...names: (keyof FilterView)[]): TaskFilter {
  const any = anyTask();
  return { ...filter, ...Object.fromEntries(names.map((name) => [name, any[name]])) };
}

/**
 * Return whether a filter selects a row, as far as the page can tell.
 *
 * It decides about rows that are shown or have just come. Groups of failures are known to the server alone, so a row that has failed is
 * taken for one of the group that the filter names.
 */
export function selects(filter: FilterView, row: TaskRow): boolean {
  if (filter.state.length > 0 && !filter.state.includes(row.state)) return false;
  if (filter.kind.length > 0 && !filter.kind.includes(row.kind)) return false;
  if (filter.code.length > 0 && (row.error === null || !filter.code.includes(row.error.code))) return false;
  if (filter.batch !== null && row.batch?.id !== filter.batch) return false;
  if (filter.schedule !== null && row.schedule?.id !== filter.schedule) return false;
  if (filter.fingerprint !== null && row.state !== "failed") return false;
  if (filter.owner !== null && filter.owner !== "*" && row.owner !== null && row.owner.id !== filter.owner) return false;
  if (Object.entries(filter.labels).some(([key, value]) => row.labels[key] !== value)) return false;
  if (filter.q !== null && !says(row, filter.q)) return false;
  if (!within(row.created_at, filter.created_from, filter.created_before)) return false;
  if (!within(row.finished_at, filter.finished_from, filter.finished_before)) return false;
  if (filter.slower_than !== null && FINAL.has(row.state) && (row.run_seconds ?? Infinity) <= filter.slower_than) return false;
  if (filter.slower_than !== null && !FINAL.has(row.state)) return false;
  return filter.waited_longer_than === null || (row.wait_seconds ?? -1) > filter.waited_longer_than;
}

function says(row: TaskRow, sought: string): boolean {
  const text = sought.normalize("NFC").trim().toLowerCase();
  if (text === row.id || (text.length === 12 && row.id.endsWith(text))) return true;
  const title = row.title.normalize("NFC").toLowerCase();
  return text.split(/[^\p{L}\p{N}]+/u).every((word) => title.includes(word));
}

function within(at: string | null, from: string | null, before: string | null): boolean {
  if (from === null && before === null) return true;
  if (at === null) return false;
  const time = Date.parse(at);
  return (from === null || time >= Date.parse(from)) && (before === null || time < Date.parse(before));
}

function restricts(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

function hasText(value: string | null | undefined): value is string {
  return value !== null && value !== undefined && value !== "";
}

function values(query: LocationQuery, name: string): string[] {
  const value = query[name] ?? null;
  return (Array.isArray(value) ? value : [value]).flatMap((each) => (each === null || each === "" ? [] : [each]));
}

function among<T extends string>(known: readonly T[], given: string[]): T[] {
  return known.filter((each) => given.includes(each));
}

function parseLabel(text: string): [string, string][] {
  const at = text.indexOf("=");
  return at < 1 ? [] : [[text.slice(0, at), text.slice(at + 1)]];
}
