import type { DetailError, TaskDetail, TaskDetailV1, TaskLog, TaskOutput, TimelineItem } from "@/api/member";
import { type FullTaskEvent, isFinal, isLater, reduceRow } from "@/live";

import { foldAttempts } from "./attempts";

/** How many of the newest lines a page keeps. */
export const LINES_MAX = 2_000;
// Of the newest chunks, as text. The answer has 64 KB at most; a page that watches may keep more.
const OUTPUT_CHARS_MAX = 256_000;
// The first events of a task are its timeline; what comes after so many is not in it.
const TIMELINE_MAX = 1_000;
// A larger value is loaded when somebody asks for it.
const PART_CHARS_MAX = 65_536;

/**
 * Return the page of a task after events of its own stream, oldest first; the same page when they say nothing new.
 *
 * Each part knows up to where it is, so that events may come again, and an answer may come late.
 */
export function applyEvents(screen: TaskDetailV1, events: readonly FullTaskEvent[]): TaskDetailV1 {
  if (screen.task === null) return screen;
  const id = screen.task.id;
  const own = events.filter((event) => event.task === id);
  if (own.length === 0) return screen;
  const task = own.reduce<TaskDetail>(applyToTask, screen.task);
  const timeline = screen.timeline === null ? null : extendTimeline(screen.timeline, own);
  const log = extendLog(screen.log, own);
  const output = extendOutput(screen.output, screen.position, own);
  if (task === screen.task && timeline === screen.timeline && log === screen.log && output === screen.output) return screen;
  const attempts = timeline === null || timeline === screen.timeline ? screen.attempts : foldAttempts(timeline);
  const runs = attempts?.at(-1)?.run ?? task.runs;
  return {
    ...screen,
    task: runs === task.runs ? task : { ...task, runs },
    waiting: task.state === screen.task.state ? screen.waiting : null,
    attempts,
    timeline,
    log,
    output,
  };
}

function applyToTask(task: TaskDetail, event: FullTaskEvent): TaskDetail {
  const after = reduceRow(task, event) ?? task;
  // The row may have the event already, from a stream that leaves out results and tracebacks.
  if (after.position !== event.position) return after;
  switch (event.event) {
    case "queued":
      return isFinal(task.state) ? { ...after, result: { kind: "none" } } : after;
    case "deferred":
      return {
        ...after,
        error: event.error ? whole(event.error) : after.error,
        ...(isFinal(task.state) ? { result: { kind: "none" } } : {}),
      };
    case "finished":
      return after.state === event.outcome ? { ...after, error: event.error ? whole(event.error) : null, result: resultOf(event) } : after;
    default:
      return after;
  }
}

function whole(error: { code: string; message: string; traceback?: string | null }): DetailError {
  return { code: error.code, message: error.message, traceback: error.traceback ?? null, fingerprint: null } as DetailError;
}

function resultOf(event: Extract<FullTaskEvent, { event: "finished" }>): TaskDetail["result"] {
  if (event.outcome !== "succeeded") return { kind: "none" };
  // Its file is known with the next answer.
  if (event.stored_result) return { kind: "large", bytes: event.stored_result.size, file: null };
  const value = event.result ?? null;
  const size = JSON.stringify(value).length;
  return size > PART_CHARS_MAX ? { kind: "large", bytes: size, file: null } : { kind: "whole", value };
}

const IN_TIMELINE: ReadonlySet<string> = new Set(["queued", "deferred", "started", "stored", "finished"]);

// The whole values, where they are, and what was done to them, has the task itself.
const NOT_IN_TIMELINE = ["input", "stored_input", "result", "stored_result", "withdrawn", "restored"] as const;

function extendTimeline(timeline: TimelineItem[], events: readonly FullTaskEvent[]): TimelineItem[] {
  const last = timeline.at(-1)?.position;
  const added = events.filter(
    (event) =>
      IN_TIMELINE.has(event.event) &&
      (last === undefined || isLater(event.position, last)) &&
      // An end that was restored is in the timeline, where it was.
      !(event.event === "finished" && event.restored),
  );
  return added.length === 0 ? timeline : [...timeline, ...added.map(itemOf)].slice(0, TIMELINE_MAX);
}

function itemOf(event: FullTaskEvent): TimelineItem {
  const { event: name, position, at, attempt, task: _task, kind: _kind, batch: _batch, ...fields } = event;
  const data: Record<string, unknown> = { ...fields };
  for (const left_out of NOT_IN_TIMELINE) delete data[left_out];
  return { event: name, position, at, attempt, data } as unknown as TimelineItem;
}

function extendLog(log: TaskLog | null, events: readonly FullTaskEvent[]): TaskLog | null {
  const last = log?.lines.at(-1)?.position;
  const added = events.flatMap((event) =>
    event.event === "logged" && (last === undefined || isLater(event.position, last))
      ? [{ at: event.at, attempt: event.attempt, level: event.level, message: event.message, position: event.position }]
      : [],
  );
  if (added.length === 0) return log;
  const lines = [...(log?.lines ?? []), ...added];
  return { lines: lines.slice(-LINES_MAX), complete: log?.complete === true && lines.length <= LINES_MAX };
}

function extendOutput(output: TaskOutput | null, position: string | null, events: readonly FullTaskEvent[]): TaskOutput | null {
  const last = output?.position ?? position;
  const added = events.filter((event) => event.event === "emitted" && (last === null || isLater(event.position, last)));
  const newest = added.at(-1);
  if (newest === undefined) return output;
  const chunks = [...(output?.chunks ?? []), ...added.flatMap((event) => (event.event === "emitted" ? event.chunks : []))];
  const kept = newestWithin(chunks, OUTPUT_CHARS_MAX);
  return { chunks: kept, complete: output?.complete === true && kept.length === chunks.length, position: newest.position };
}

function newestWithin(chunks: unknown[], chars: number): unknown[] {
  let room = chars;
  for (let index = chunks.length - 1; index > 0; index -= 1) {
    room -= lengthOf(chunks[index]);
    if (room < 0) return chunks.slice(index + 1);
  }
  return chunks;
}

function lengthOf(chunk: unknown): number {
  return typeof chunk === "string" ? chunk.length : JSON.stringify(chunk).length;
}
