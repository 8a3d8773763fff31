// What a task goes through, and what the server would answer at any moment of it.
import * as fc from "fast-check";

import type { TaskDetail, TaskDetailV1, TimelineItem } from "@/api/member";
import type { FullTaskEvent } from "@/live";

import { foldAttempts } from "../attempts";

export const AT = "2026-03-02T09:00:00Z";
const TASK = { task: "a", kind: "k", batch: null };

/** An event at a place in the log, a second after the one before. */
export function anEvent(sequence: number, fields: object): FullTaskEvent {
  const at = new Date(Date.parse(AT) + sequence * 1000).toISOString();
  return { ...TASK, at, attempt: 1, position: `1-${String(sequence)}`, ...fields } as FullTaskEvent;
}

/** The end of a task. */
export function anEnd(sequence: number, outcome: string, fields: object): FullTaskEvent {
  return anEvent(sequence, { event: "finished", outcome, worker: "w", ...fields });
}

/** The page of a task of which little has happened. */
export function aScreen(task: Partial<TaskDetail>): TaskDetailV1 {
  const row: TaskDetail = {
    id: "a",
    kind: "k",
    title: "t",
    labels: {},
    owner: null,
    batch: null,
    schedule: null,
    priority: "normal",
    state: "queued",
    attempt: 1,
    max_attempts: null,
    worker: null,
    progress: null,
    error: null,
    files: 0,
    due_at: null,
    expires_at: null,
    created_at: AT,
    started_at: null,
    finished_at: null,
    wait_seconds: null,
    run_seconds: null,
    position: "1-1",
    runs: 1,
    input: {
      kind: "whole",
      value: {},
    },
    result: { kind: "none" },
    ...task,
  };
  return {
    at: AT,
    position: row.position,
    stale: [],
    task: row,
    input_schema: null,
    result_schema: null,
    waiting: null,
    attempts: [],
    timeline: [],
    log: {
      lines: [],
      complete: true,
    },
    output: {
      chunks: [],
      complete: true,
      position: null,
    },
    files: [],
    around: null,
    siblings: null,
  };
}

type Step = { what: "write" | "stream" | "progress" | "lose" | "retry" } | { what: "end"; outcome: "succeeded" | "failed" | "cancelled" };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ what: fc.constantFrom("write" as const, "stream" as const, "progress" as const, "lose" as const, "retry" as const) }),
  fc.record({ what: fc.constant("end" as const), outcome: fc.constantFrom("succeeded" as const, "failed" as const, "cancelled" as const) }),
);

/** Everything that happens to a task: attempts, losses, retries, several runs, and what it writes meanwhile. */
export const history: fc.Arbitrary<FullTaskEvent[]> = fc.array(step, { maxLength: 30 }).map((steps) => {
  const events: FullTaskEvent[] = [];
  const add = (fields: object): number => events.push(anEvent(events.length + 1, fields));
  let [attempt, fence] = [1, 0];
  const begin = (): void => {
    add({ event: "queued", fence, attempt });
    add({ event: "started", worker: "w", attempt, queued_seconds: 1 });
  };
  begin();
  for (const { what, ...rest } of steps) {
    if (what === "write") add({ event: "logged", level: "info", message: `line ${String(events.length)}`, attempt });
    else if (what === "stream") add({ event: "emitted", chunks: ["same", "same"], attempt });
    else if (what === "progress") add({ event: "progressed", fraction: 0.5, message: "half", attempt });
    else if (what === "lose") add({ event: "started", worker: "v", delivered: 2, attempt, queued_seconds: 2 });
    else if (what === "retry") {
      attempt += 1;
      add({ event: "deferred", fence, attempt, due_at: AT, error: { code: "raised", message: "no", traceback: "line 1" } });
      begin();
    } else {
      const { outcome } = rest as { outcome: string };
      const came =
        outcome === "succeeded" ? { result: events.length } : outcome === "failed" ? { error: { code: "timeout", message: "late" } } : {};
      fence = add({ event: "finished", outcome, attempt, run_seconds: 2, ...came });
      attempt = 1;
      begin();
    }
  }
  return events;
});

/** What the server answers when so much has happened. */
export function serverAnswer(events: readonly FullTaskEvent[]): TaskDetailV1 {
  const position = events.at(-1)?.position ?? "1-0";
  const timeline = events.filter((event) => ["queued", "deferred", "started", "finished"].includes(event.event)).map(item);
  const attempts = foldAttempts(timeline);
  const lines = events.flatMap((event) => (event.event === "logged" ? [lineOf(event)] : []));
  const emitted = events.filter((event) => event.event === "emitted");
  const task = events.reduce<Partial<TaskDetail>>(rowAfter, { max_attempts: null });
  return {
    ...aScreen({
      ...task,
      runs: attempts.at(-1)?.run ?? 1,
    }),
    position,
    attempts,
    timeline,
    log: {
      lines,
      complete: true,
    },
    output: {
      chunks: emitted.flatMap((event) => event.chunks),
      complete: true,
      position: emitted.at(-1)?.position ?? null,
    },
  };
}

const LEFT_OUT = new Set(["task", "kind", "batch", "result"]);

function item({ event, position, at, attempt, ...others }: FullTaskEvent): TimelineItem {
  const data = Object.fromEntries(Object.entries(others).filter(([name]) => !LEFT_OUT.has(name)));
  return { event, position, at, attempt, data } as unknown as TimelineItem;
}

function lineOf({ at, attempt, level, message, position }: Extract<FullTaskEvent, { event: "logged" }>) {
  return { at, attempt, level, message, position };
}

// As the table of tasks is written: one rule for each event.
function rowAfter(row: Partial<TaskDetail>, event: FullTaskEvent): Partial<TaskDetail> {
  const { position, attempt, at } = event;
  switch (event.event) {
    case "queued":
      return event.attempt === 1 && event.fence > 0
        ? { max_attempts: null, state: "queued", attempt, position }
        : { ...row, state: "queued", attempt, position, worker: null, due_at: null, created_at: row.created_at ?? AT };
    case "deferred":
      return {
        ...row,
        state: "pending",
        attempt,
        position,
        worker: null,
        due_at: event.due_at,
        error: { ...event.error, fingerprint: null } as TaskDetail["error"],
      };
    case "started":
      return {
        ...row,
        state: "running",
        position,
        started_at: at,
        wait_seconds: event.queued_seconds ?? null,
        worker: event.worker,
        progress: null,
      };
    case "progressed":
      return { ...row, position, progress: { fraction: event.fraction, message: event.message ?? null } };
    case "finished": {
      const error = event.error ? { ...event.error, traceback: event.error.traceback ?? null, fingerprint: null } : null;
      const ended: Partial<TaskDetail> = { state: event.outcome, position, finished_at: at, worker: null, progress: null, error };
      return {
        ...row,
        ...ended,
        run_seconds: 2,
        result: event.outcome === "succeeded" ? { kind: "whole", value: event.result } : { kind: "none" },
      };
    }
    default:
      return row;
  }
}
