import type { ScheduleEntry, SchedulesV1, State } from "@/api/member";
import { isOfTask, type LiveEvent } from "@/live";

const RECENT_MAX = 12;
const STATES = { queued: "queued", deferred: "pending", started: "running" } as const;

/** Return the screen after an event; the same one when it shows nothing of it. */
export function reduceSchedules(screen: SchedulesV1, event: LiveEvent): SchedulesV1 {
  if (!isOfTask(event) || typeof event.schedule !== "string") return screen;
  const { schedule, task, at } = event;
  if (event.event === "finished") return showChange(screen, { schedule, task, at, state: event.outcome }, false);
  if (event.event !== "queued" && event.event !== "deferred" && event.event !== "started") return screen;
  const created = event.event !== "started" && event.fence === 0 && (event.attempt ?? 1) === 1;
  return showChange(screen, { schedule, task, at, state: STATES[event.event] }, created);
}

/** What the screen needs of an event of a task. */
export interface TaskChange {
  schedule: string;
  task: string;
  at: string;
  state: State;
}

/**
 * Return the screen after a task of one of its schedules has changed; the same object when it shows nothing of it.
 *
 * A task that is not among the recent ones is a new one, unless it is over already: then it is an old one, whose place is unknown.
 */
export function showChange(screen: SchedulesV1, change: TaskChange, created: boolean): SchedulesV1 {
  const items = screen.items ?? [];
  const index = items.findIndex(({ id }) => id === change.schedule);
  const before = items[index];
  if (before === undefined) return screen;
  const after = showInEntry(before, change, created);
  return after === before ? screen : { ...screen, items: items.with(index, after) };
}

function showInEntry(entry: ScheduleEntry, change: TaskChange, created: boolean): ScheduleEntry {
  const { task, state, at } = change;
  const last = entry.last?.task === task ? { ...entry.last, state } : entry.last;
  const index = entry.recent.findIndex((run) => run.task === task);
  const run = entry.recent[index];
  if (run !== undefined) return { ...entry, last, recent: entry.recent.with(index, { ...run, state }) };
  if (!created) return entry;
  return { ...entry, last, recent: [{ task, state, at, seconds: null }, ...entry.recent].slice(0, RECENT_MAX) };
}
