import type { State, StreamEvents } from "@/api/core";

/** The events of the stream of one task, by name. */
export type TaskEvents = Pick<StreamEvents, "queued" | "deferred" | "started" | "progressed" | "logged" | "finished" | "deleted">;
export type TaskEventName = keyof TaskEvents;

export interface Line {
  at: string;
  level: string;
  message: string;
}

/** What somebody who follows a task knows of it. */
export interface FollowedTask {
  kind: string;
  state: State;
  attempt: number;
  queued_at: string | null;
  due_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  progress: { fraction: number; message: string | null } | null;
  error: { code: string; message: string } | null;
  /** `undefined` while there is none; a handler may return null. */
  result: unknown;
  log: Line[];
  /** Whether there were lines before those of `log`. */
  has_earlier: boolean;
  is_deleted: boolean;
}

// A page on a phone. Who wants the whole log has an account.
const LINES = 200;

const NOTHING: FollowedTask = {
  kind: "",
  state: "queued",
  attempt: 1,
  queued_at: null,
  due_at: null,
  started_at: null,
  finished_at: null,
  progress: null,
  error: null,
  result: undefined,
  log: [],
  has_earlier: false,
  is_deleted: false,
};

/** Return what is known of a task after an event of its stream. */
export function foldTask<N extends TaskEventName>(before: FollowedTask | null, name: N, event: NonNullable<TaskEvents[N]>): FollowedTask {
  const task = { ...(before ?? NOTHING), kind: event.kind, attempt: "attempt" in event ? event.attempt : (before?.attempt ?? 1) };
  return folds[name](task, event);
}

const folds: { [N in TaskEventName]: (task: FollowedTask, event: NonNullable<TaskEvents[N]>) => FollowedTask } = {
  queued: (task, event) => ({
    ...task,
    state: "queued",
    queued_at: event.at,
    due_at: null,
    progress: null,
    // Run again: what came of it before is over.
    ...(event.fence > 0 ? { result: undefined, error: null, finished_at: null, started_at: null } : {}),
  }),
  deferred: (task, event) => ({ ...task, state: "pending", due_at: event.due_at, error: event.error ?? null, progress: null }),
  started: (task, event) => ({ ...task, state: "running", started_at: event.at, progress: null }),
  progressed: (task, event) => ({ ...task, progress: { fraction: event.fraction, message: event.message ?? null } }),
  logged: (task, event) => {
    const log = [...task.log, { at: event.at, level: event.level, message: event.message }];
    return { ...task, log: log.slice(-LINES), has_earlier: task.has_earlier || log.length > LINES };
  },
  finished: (task, event) => ({
    ...task,
    state: event.outcome,
    finished_at: event.at,
    progress: null,
    error: event.error ?? null,
    result: event.outcome === "succeeded" ? (event.result ?? null) : undefined,
  }),
  deleted: (task) => ({ ...task, is_deleted: true }),
};
