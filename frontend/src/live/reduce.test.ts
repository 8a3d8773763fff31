import { describe, expect, it } from "vitest";

import type { TaskRow } from "@/api/member";

import type { TaskLiveEvent } from "./events";
import { newRow, reduceBatches, reduceCounts, reduceRow, reduceRows } from "./reduce";
import { isLater, laterOf } from "./position";

const AT = "2026-03-02T09:00:00Z";
const LATER = "2026-03-02T09:00:09Z";

function happened(sequence: number, fields: object): TaskLiveEvent {
  return { task: "a", kind: "k", at: AT, position: `1-${String(sequence)}`, ...fields } as TaskLiveEvent;
}

function after(...events: TaskLiveEvent[]): TaskRow {
  const [first, ...others] = events as [TaskLiveEvent, ...TaskLiveEvent[]];
  return others.reduce<TaskRow>((row, event) => reduceRow(row, event) as TaskRow, newRow(first) as TaskRow);
}

const queued = happened(1, { event: "queued", fence: 0, title: "Essay", priority: "high", batch: "b" });
const started = happened(2, { event: "started", worker: "w", queued_seconds: 0.5 });
const progressed = happened(3, { event: "progressed", fraction: 0.5, message: "half" });
const finished = happened(4, { event: "finished", outcome: "succeeded", at: LATER });

describe("positions", () => {
  it("are later by their epoch, and then by their number, not by their text", () => {
    expect(isLater("1-10", "1-9")).toBe(true);
    expect(isLater("2-1", "1-99")).toBe(true);
    expect(isLater("1-9", "1-9")).toBe(false);
    expect(laterOf("1-9", "1-10")).toBe("1-10");
    expect(laterOf(null, "1-1")).toBe("1-1");
  });
});

describe("the row of a task", () => {
  it("begins with what the event that accepts it says", () => {
    expect(newRow(queued)).toMatchObject({ id: "a", title: "Essay", priority: "high", batch: { id: "b", name: null }, state: "queued" });
    expect(newRow(happened(1, { event: "queued", fence: 7 }))).toBeNull();
    expect(newRow(started)).toBeNull();
  });

  it("goes through the states of its events", () => {
    expect(after(queued, started, progressed)).toMatchObject({
      state: "running",
      worker: "w",
      wait_seconds: 0.5,
      progress: { fraction: 0.5, message: "half" },
    });
    expect(after(queued, started, progressed, finished)).toMatchObject({
      state: "succeeded",
      worker: null,
      progress: null,
      finished_at: LATER,
      run_seconds: 9,
      position: "1-4",
    });
  });

  it("is not changed by an event that it reflects already", () => {
    const row = after(queued, started, progressed, finished);
    for (const event of [queued, started, progressed, finished]) expect(reduceRow(row, event)).toBe(row);
  });

  it("does not run again because a worker is late to say so", () => {
    const row = after(queued, finished);
    expect(reduceRow(row, happened(5, { event: "started", worker: "w" }))).toBe(row);
    expect(reduceRow(row, happened(6, { event: "progressed", fraction: 0.9 }))).toBe(row);
  });

  it("runs again only from its last end", () => {
    const row = after(queued, started, happened(4, { event: "finished", outcome: "failed", error: { code: "raised", message: "no" } }));
    expect(reduceRow(row, happened(5, { event: "queued", fence: 0, attempt: 2 }))).toBe(row);
    expect(reduceRow(row, happened(5, { event: "queued", fence: 4 }))).toMatchObject({
      state: "queued",
      error: null,
      started_at: null,
      finished_at: null,
    });
  });

  it("keeps why its last attempt failed while it waits for the next", () => {
    const error = { code: "raised", message: "no" };
    const waiting = after(queued, started, happened(3, { event: "deferred", fence: 0, attempt: 2, due_at: LATER, error }));
    expect(waiting).toMatchObject({ state: "pending", attempt: 2, due_at: LATER, error, worker: null });
    const again = reduceRow(waiting, happened(4, { event: "queued", fence: 0, attempt: 2 })) as TaskRow;
    expect(again).toMatchObject({ state: "queued", error, due_at: null });
    // A large event of the failure comes after its timer has fired.
    expect(reduceRow(again, happened(5, { event: "deferred", fence: 0, attempt: 2, due_at: LATER, error }))).toMatchObject({
      state: "queued",
      error,
    });
  });

  it("ends once more when it was cancelled before its new run was told of", () => {
    const row = after(queued, started, finished);
    expect(reduceRow(row, happened(6, { event: "finished", outcome: "cancelled", by: "u" }))).toMatchObject({
      state: "cancelled",
      started_at: null,
    });
    expect(reduceRow(row, happened(6, { event: "finished", outcome: "failed", restored: AT }))).toMatchObject({ state: "succeeded" });
  });

  it("goes when the task is deleted", () => {
    expect(reduceRow(after(queued, finished), happened(5, { event: "deleted", outcome: "succeeded", by: "u" }))).toBeNull();
  });
});

describe("rows", () => {
  it("keep their places, and are the same array when nothing changes", () => {
    const rows = [newRow(happened(1, { event: "queued", fence: 0, task: "x" })) as TaskRow, newRow(queued) as TaskRow];
    expect(reduceRows(rows, started).map((row) => row.state)).toEqual(["queued", "running"]);
    expect(reduceRows(rows, happened(9, { event: "started", worker: "w", task: "unknown" }))).toBe(rows);
    expect(reduceRows(rows, { event: "gauges", position: null } as never)).toBe(rows);
  });
});

describe("hints", () => {
  const counts = { pending: 0, queued: 1, running: 2, succeeded: 3, failed: 4, cancelled: 5 };

  it("replace counts, of everything or of one kind", () => {
    const event = { event: "counts" as const, position: null, hint: { counts, kinds: {} } };
    const zero = reduceCounts(counts, event, "unknown");
    expect(reduceCounts(zero, event)).toBe(counts);
    expect(zero.running).toBe(0);
  });

  it("replace a batch unless it is known from a later position, and leave it its owner", () => {
    const batch = { id: "b", owner: { id: "o", name: "Ada" }, position: "1-5", state: "open" } as never;
    const hint = (position: string): never =>
      ({ event: "settled", position: null, hint: { id: "b", owner: "o", position, state: "settled" } }) as never;
    expect(reduceBatches([batch], hint("1-4"))).toEqual([batch]);
    expect(reduceBatches([batch], hint("1-6"))).toMatchObject([{ state: "settled", owner: { id: "o", name: "Ada" } }]);
  });
});
