// What each event changes in what a screen shows. It follows the read model, so that a row that was patched is what a fresh answer has.
import type { Batch, BatchRow, Counts, Priority, Ref, State, TaskRow } from "@/api/admin";

import type { FullTaskEvent, LiveEvent, TaskLiveEvent } from "./events";
import { isOfTask } from "./events";
import { isLater, parsePosition } from "./position";

export { isLater } from "./position";

/** An event of a task, as lists or as its own page are told it. */
export type AnyTaskEvent = TaskLiveEvent | FullTaskEvent;

const FINAL: ReadonlySet<State> = new Set<State>(["succeeded", "failed", "cancelled"]);

/** Return whether a task in this state is over. */
export function isFinal(state: State): boolean {
  return FINAL.has(state);
}

/**
 * Return the row of a task after an event; the same row when the event says nothing new about it, null when the task was deleted.
 *
 * Only an event that is later than the row changes it, so that events may come again, and an answer may come late.
 */
export function reduceRow<Row extends TaskRow>(row: Row, event: AnyTaskEvent): Row | null {
  if (event.task !== row.id || !isLater(event.position, row.position)) return row;
  const change = changeOf(row, event);
  return change === null ? row : change === "deleted" ? null : { ...row, ...change, position: event.position };
}

/** Return rows after an event: the same array when nothing changes. Rows keep their places, and only a deleted one goes. */
export function reduceRows<Row extends TaskRow>(rows: Row[], event: LiveEvent): Row[] {
  if (!isOfTask(event)) return rows;
  const index = rows.findIndex((row) => row.id === event.task);
  const before = rows[index];
  if (before === undefined) return rows;
  const after = reduceRow(before, event);
  if (after === before) return rows;
  return after === null ? rows.toSpliced(index, 1) : rows.with(index, after);
}

/** Return the row of a task that an event begins; null for every other event. Names of what it refers to are not known yet. */
export function newRow(event: LiveEvent): TaskRow | null {
  if ((event.event !== "queued" && event.event !== "deferred") || event.fence !== 0 || (event.attempt ?? 1) !== 1) return null;
  return {
    id: event.task,
    kind: event.kind,
    title: event.title ?? event.task.slice(0, 8),
    labels: event.labels ?? {},
    owner: refOf(event.owner),
    batch: refOf(event.batch),
    schedule: refOf(event.schedule),
    priority: event.priority ?? ("normal" satisfies Priority),
    state: event.event === "queued" ? "queued" : "pending",
    attempt: 1,
    max_attempts: event.max_attempts ?? null,
    worker: null,
    progress: null,
    error: null,
    files: 0,
    due_at: event.due_at ?? null,
    expires_at: event.expires_at ?? null,
    created_at: event.at,
    started_at: null,
    finished_at: null,
    wait_seconds: null,
    run_seconds: null,
    position: event.position,
  };
}

/** Return the row of a batch after a hint about it; the same row when the hint is about another batch, or older. */
export function reduceBatch(row: BatchRow, event: LiveEvent): BatchRow {
  if ((event.event !== "counted" && event.event !== "settled") || event.hint.id !== row.id) return row;
  if (!isLater(event.hint.position, row.position)) return row;
  return batchRow(event.hint, row.owner);
}

/** Return rows of batches after a hint: the same array when nothing changes. */
export function reduceBatches(rows: BatchRow[], event: LiveEvent): BatchRow[] {
  if (event.event !== "counted" && event.event !== "settled") return rows;
  const index = rows.findIndex((row) => row.id === event.hint.id);
  const before = rows[index];
  if (before === undefined) return rows;
  const after = reduceBatch(before, event);
  return after === before ? rows : rows.with(index, after);
}

/** Return the row of a batch that a hint is about. An owner has a name in rows, and none in hints. */
export function batchRow(hint: Batch, owner: Ref | null): BatchRow {
  return { ...hint, owner };
}

/** Return how many tasks are in each state, of all kinds or of one, after a hint; the same counts after any other event. */
export function reduceCounts(counts: Counts, event: LiveEvent, kind?: string): Counts {
  if (event.event !== "counts") return counts;
  return kind === undefined ? event.hint.counts : (event.hint.kinds[kind] ?? NONE);
}

const NONE: Counts = { pending: 0, queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };

type Change = Partial<TaskRow>;

function changeOf(row: TaskRow, event: AnyTaskEvent): Change | "deleted" | null {
  if (event.event === "deleted") return "deleted";
  if (event.event === "queued" || event.event === "deferred") return beginRun(row, event);
  // Only a run that nothing was told of, because it was cancelled before it began, ends a task that is over.
  if (FINAL.has(row.state)) return event.event === "finished" ? finishAgain(row, event) : null;
  switch (event.event) {
    case "started":
      return {
        state: "running",
        attempt: event.attempt ?? 1,
        due_at: null,
        expires_at: null,
        started_at: event.at,
        wait_seconds: atLeastZero(event.queued_seconds),
        worker: event.worker,
        progress: null,
      };
    case "progressed":
      return { progress: { fraction: event.fraction, message: event.message ?? null } };
    case "stored":
      return { files: row.files + 1 };
    case "finished":
      return finish(row, event);
    default:
      return null;
  }
}

function beginRun(row: TaskRow, event: Extract<AnyTaskEvent, { event: "queued" | "deferred" }>): Change | null {
  const attempt = event.attempt ?? 1;
  const is_again = FINAL.has(row.state);
  // A run begins after the end that it names; a timer of an earlier run may fire late.
  if (is_again && event.fence !== parsePosition(row.position)[1]) return null;
  if (!is_again && attempt < row.attempt) return null;
  const error = event.event === "deferred" && event.error ? briefError(event.error) : null;
  if (!is_again && event.event === "deferred" && row.state !== "pending" && row.attempt === attempt) {
    // Its timer has fired already.
    return { error };
  }
  return {
    ...(is_again ? { started_at: null, finished_at: null, wait_seconds: null, run_seconds: null, error: null, files: 0 } : {}),
    ...(error === null ? {} : { error }),
    state: event.event === "queued" ? "queued" : "pending",
    attempt,
    max_attempts: event.max_attempts ?? null,
    due_at: event.due_at ?? null,
    expires_at: event.expires_at ?? null,
    worker: null,
    ...(is_again ? { progress: null } : {}),
  };
}

type Finish = Extract<AnyTaskEvent, { event: "finished" }>;

function finish(row: TaskRow, event: Finish): Change {
  const finished_at = event.restored ?? event.at;
  return {
    // What waits in the queue is taken out of it, and whatever was before counts for nothing.
    ...(row.state === "queued" ? { started_at: null, wait_seconds: null, files: 0 } : {}),
    state: event.outcome,
    error: event.error ? briefError(event.error) : null,
    finished_at,
    due_at: null,
    expires_at: null,
    progress: null,
    worker: null,
    run_seconds: runSeconds(row, event, finished_at),
  };
}

function finishAgain(row: TaskRow, event: Finish): Change {
  if (event.restored) return {};
  return {
    ...finish(row, event),
    attempt: event.attempt ?? 1,
    started_at: null,
    wait_seconds: null,
    run_seconds: null,
    files: 0,
  };
}

function runSeconds(row: TaskRow, event: Finish, finished_at: string): number | null {
  if ("run_seconds" in event && typeof event.run_seconds === "number") return atLeastZero(event.run_seconds);
  if (row.state !== "running" || row.started_at === null) return null;
  // A brief end leaves it out.
  return Math.max(0, Date.parse(finished_at) - Date.parse(row.started_at)) / 1000;
}

function atLeastZero(seconds: number | null | undefined): number | null {
  return typeof seconds === "number" ? Math.max(0, seconds) : null;
}

function briefError(error: { code: string; message: string }): TaskRow["error"] {
  return { code: error.code, message: error.message } as TaskRow["error"];
}

function refOf(id: string | null | undefined): Ref | null {
  return typeof id === "string" ? { id, name: null } : null;
}
