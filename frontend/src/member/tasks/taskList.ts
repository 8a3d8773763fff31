import type { Counts, Facets, FilterView, Matched, State, TaskRow, TasksV1 } from "@/api/member";
import { isOfTask, type LiveEvent, newRow, reduceRow, type TaskLiveEvent } from "@/live";

import { selects, STATES, type TaskFilter } from "./filter/filter";

// What comes while nobody looks at the top is kept as rows, and from there on only counted.
export const ARRIVED_MAX = 500;
const OTHERS_MAX = 1_000;

/** The pages of a list that were loaded, and what has come since. */
export interface TaskList extends TasksV1 {
  /** New tasks that the filter selects, the newest first. They are above `items`. */
  arrived: TaskRow[];
  /** How many of these are shown, the oldest of them. */
  revealed: number;
  /** Tasks that the filter has come to select, but whose rows are not here: they are in the next answer. */
  others: ReadonlySet<string>;
  /** Which tasks, and in what order. */
  asked: TaskFilter;
}

// Where the row of each task is. Rows keep their places, so that a list in which one has changed has the same places.
const places = new WeakMap<readonly TaskRow[], Map<string, number>>();

/** Return a list of the first page. */
export function beginList(page: TasksV1, asked: TaskFilter): TaskList {
  return { ...page, arrived: [], revealed: 0, others: new Set(), asked };
}

/** Return the rows that are shown. */
export function shownRows(list: TaskList): TaskRow[] {
  const items = list.items ?? [];
  return list.revealed === 0 ? items : [...list.arrived.slice(Math.max(0, list.arrived.length - list.revealed)), ...items];
}

/** Return how many tasks have come that are not shown. */
export function countWaiting(list: TaskList): number {
  return Math.max(0, list.arrived.length - list.revealed) + list.others.size;
}

/** Return a list that shows all rows that have come. */
export function revealArrived(list: TaskList): TaskList {
  return list.revealed === list.arrived.length ? list : { ...list, revealed: list.arrived.length };
}

/** Return a list with one more page. Tasks that are there already stay where they are. */
export function appendPage(list: TaskList, page: Pick<TasksV1, "items" | "next_cursor">): TaskList {
  const known = placesOf(list.items ?? []);
  const newer = placesOf(list.arrived);
  const more = (page.items ?? []).filter((row) => !known.has(row.id) && !newer.has(row.id));
  return { ...list, items: [...(list.items ?? []), ...more], next_cursor: page.next_cursor };
}

/** Return a list whose rows before one of them have yet to be revealed, so that what somebody reads does not move. */
export function holdBefore(list: TaskList, first: string | null): TaskList {
  const at = first === null ? undefined : placesOf(list.items ?? []).get(first);
  if (at === undefined || at === 0 || at > ARRIVED_MAX) return list;
  return { ...list, arrived: (list.items ?? []).slice(0, at), items: (list.items ?? []).slice(at) };
}

/** Return a list after an event; the same list when the event changes nothing in it. */
export function reduceList(list: TaskList, event: LiveEvent): TaskList {
  if (event.event === "counts") return countAnew(list, event.hint);
  if (!isOfTask(event)) return list;
  const items = patchRows(list.items ?? [], event);
  if (items !== null) return { ...list, items };
  const arrived = patchRows(list.arrived, event);
  return arrived === null ? arrive(list, event) : { ...list, arrived };
}

/** Return how many tasks there are in each state and of each kind, as the server counts them for a filter. */
export function facetsOf(found: { counts: Counts; kinds: Record<string, Counts> }, filter: FilterView): Facets {
  const of_kinds = filter.kind.length === 0 ? [found.counts] : filter.kind.flatMap((kind) => found.kinds[kind] ?? []);
  const state = Object.fromEntries(STATES.map((each) => [each, sum(of_kinds.map((counts) => counts[each]))]));
  const states: readonly State[] = filter.state.length === 0 ? STATES : filter.state;
  const kinds = Object.entries(found.kinds).map(([kind, counts]) => [kind, sum(states.map((each) => counts[each]))] as const);
  return { state: state as Counts, kind: Object.fromEntries(kinds.filter(([, count]) => count > 0)) };
}

function countAnew(list: TaskList, found: { counts: Counts; kinds: Record<string, Counts> }): TaskList {
  // The stream of administrators counts the tasks of all accounts.
  const is_of_one = list.asked.owner !== null && list.asked.owner !== "*";
  if (list.facets === null || is_of_one) return list;
  const facets = facetsOf(found, list.filter);
  const states: readonly State[] = list.filter.state.length === 0 ? STATES : list.filter.state;
  const matched: Matched = { count: sum(states.map((each) => facets.state[each])), exact: true };
  return { ...list, facets, matched };
}

/** Return rows after an event of one of them; null when it is of none of them. */
function patchRows(rows: TaskRow[], event: TaskLiveEvent): TaskRow[] | null {
  const known = placesOf(rows);
  const at = known.get(event.task);
  const before = at === undefined ? undefined : rows[at];
  if (at === undefined || before === undefined) return null;
  const after = reduceRow(before, event);
  if (after === before) return rows;
  if (after === null) return rows.toSpliced(at, 1);
  const next = rows.with(at, after);
  places.set(next, known);
  return next;
}

function arrive(list: TaskList, event: TaskLiveEvent): TaskList {
  if (list.asked.sort !== "newest") return list;
  const row = newRow(event);
  if (row !== null && selects(list.asked, row) && list.arrived.length < ARRIVED_MAX) {
    return { ...list, arrived: [withNames(row, list), ...list.arrived] };
  }
  if (list.others.has(event.task) || list.others.size >= OTHERS_MAX || !comesIn(list.asked, event, row)) return list;
  return { ...list, others: new Set(list.others).add(event.task) };
}

/** Whether a task whose row is not here is now one that the filter selects. Without states it was one before. */
function comesIn(filter: TaskFilter, event: TaskLiveEvent, row: TaskRow | null): boolean {
  if (row !== null) return selects(filter, row);
  const state = stateAfter(event);
  if (state === null || !filter.state.includes(state)) return false;
  return selects({ ...filter, created_from: null, created_before: null }, seenOnlyNow(event, state));
}

function stateAfter(event: TaskLiveEvent): State | null {
  switch (event.event) {
    case "queued":
      return "queued";
    case "deferred":
      return "pending";
    case "started":
      return "running";
    case "finished":
      return event.outcome;
    default:
      return null;
  }
}

function seenOnlyNow(event: TaskLiveEvent, state: State): TaskRow {
  const ref = (id: string | null | undefined): { id: string; name: null } | null =>
    id === null || id === undefined ? null : { id, name: null };
  return {
    id: event.task,
    kind: event.kind,
    title: event.title ?? "",
    labels: event.labels ?? {},
    owner: ref(event.owner),
    batch: ref(event.batch),
    schedule: ref(event.schedule),
    priority: event.priority ?? "normal",
    state,
    attempt: event.attempt ?? 1,
    max_attempts: null,
    worker: null,
    progress: null,
    error: event.event === "finished" ? (event.error ?? null) : null,
    files: 0,
    due_at: null,
    expires_at: null,
    created_at: event.at,
    started_at: null,
    finished_at: event.event === "finished" ? event.at : null,
    wait_seconds: null,
    run_seconds: null,
    position: event.position,
  };
}

/** Return a new row with the names of its batch, schedule and owner, if other rows have them. */
function withNames(row: TaskRow, list: TaskList): TaskRow {
  const others = [list.arrived[0], list.items?.[0]];
  const named = { ...row };
  for (const part of ["batch", "schedule", "owner"] as const) {
    const known = others.find((other) => other?.[part]?.id === row[part]?.id)?.[part];
    if (known) named[part] = known;
  }
  return named;
}

function placesOf(rows: readonly TaskRow[]): Map<string, number> {
  let known = places.get(rows);
  if (known === undefined) places.set(rows, (known = new Map(rows.map((row, at) => [row.id, at]))));
  return known;
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
