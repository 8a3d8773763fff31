import type { BatchRow, DashboardV1, TaskRow } from "@/api/member";
import { addEnd } from "@/design/series";
import { batchRow, isFinal, type LiveEvent, reduceBatches, reduceCounts, reduceRows, type TaskLiveEvent } from "@/live";

/** A task that ends is shown for so long, so that one sees how it ended before the next moves up. */
export const ENDED_MILLISECONDS = 3_000;
const RUNNING_MAX = 8;
const BATCHES_MAX = 5;

/** Returns the dashboard after an event; the same one when the event changes nothing in it. */
export function reduceDashboard(screen: DashboardV1, event: LiveEvent): DashboardV1 {
  switch (event.event) {
    case "counts":
      return screen.counts === null ? screen : { ...screen, counts: reduceCounts(screen.counts, event) };
    case "counted":
    case "settled":
      return screen.batches === null ? screen : withBatches(screen, addBatch(screen.batches, event));
    case "kind": {
      const { kind, has_workers, paused } = event.hint;
      const kinds = screen.kinds?.map((each) => (each.name === kind ? { ...each, has_workers, paused } : each)) ?? null;
      return { ...screen, kinds };
    }
    case "started":
      return { ...screen, running: start(screen.running, event) };
    case "finished":
      return end(screen, event);
    default: {
      if (screen.running === null) return screen;
      const running = reduceRows(screen.running, event);
      return running === screen.running ? screen : { ...screen, running };
    }
  }
}

/** Returns whether an event may change what needs attention, or what is next: the page cannot know, so the screen is asked for again. */
export function changesAttention(event: LiveEvent): boolean {
  return (event.event === "finished" && event.outcome === "failed") || event.event === "kind" || event.event === "schedule";
}

/** Returns the tasks to show at a time, in milliseconds: those that run, and those that have just ended. */
export function shownRunning(rows: TaskRow[], now: number): TaskRow[] {
  return rows.filter((row) => row.state === "running" || isFresh(row, now)).slice(0, RUNNING_MAX);
}

function isFresh(row: TaskRow, now: number): boolean {
  return isFinal(row.state) && row.finished_at !== null && now - Date.parse(row.finished_at) < ENDED_MILLISECONDS;
}

function start(rows: TaskRow[] | null, event: Extract<TaskLiveEvent, { event: "started" }>): TaskRow[] | null {
  if (rows === null) return null;
  if (rows.some((row) => row.id === event.task)) return reduceRows(rows, event);
  const shown = shownRunning(rows, Date.parse(event.at));
  // Whatever starts now has run for the shortest time of all.
  return shown.length < RUNNING_MAX ? [...shown, rowOf(event)] : rows;
}

function end(screen: DashboardV1, event: Extract<TaskLiveEvent, { event: "finished" }>): DashboardV1 {
  const running = screen.running === null ? null : reduceRows(screen.running, event);
  const { outcome } = event;
  // What a replaced log tells once more has been counted already.
  if (outcome === "cancelled" || event.restored) return { ...screen, running };
  return {
    ...screen,
    running,
    throughput: screen.throughput === null ? null : addEnd(screen.throughput, Date.parse(event.at), outcome),
    today: screen.today === null ? null : { ...screen.today, [outcome]: screen.today[outcome] + 1 },
  };
}

function addBatch(rows: BatchRow[], event: Extract<LiveEvent, { event: "counted" | "settled" }>): BatchRow[] {
  if (rows.some((row) => row.id === event.hint.id)) return reduceBatches(rows, event);
  const is_newer = rows.every((row) => row.created_at < event.hint.created_at);
  return is_newer ? [batchRow(event.hint, null), ...rows].slice(0, BATCHES_MAX) : rows;
}

function withBatches(screen: DashboardV1, batches: BatchRow[]): DashboardV1 {
  return batches === screen.batches ? screen : { ...screen, batches };
}

function rowOf(event: Extract<TaskLiveEvent, { event: "started" }>): TaskRow {
  return {
    id: event.task,
    kind: event.kind,
    title: event.title ?? event.kind,
    labels: event.labels ?? {},
    owner: null,
    batch: event.batch ? { id: event.batch, name: null } : null,
    schedule: event.schedule ? { id: event.schedule, name: null } : null,
    priority: event.priority ?? "normal",
    state: "running",
    attempt: event.attempt ?? 1,
    max_attempts: null,
    worker: event.worker,
    progress: null,
    error: null,
    files: 0,
    due_at: null,
    expires_at: null,
    created_at: event.at,
    started_at: event.at,
    finished_at: null,
    wait_seconds: event.queued_seconds ?? null,
    run_seconds: null,
    position: event.position,
  };
}
