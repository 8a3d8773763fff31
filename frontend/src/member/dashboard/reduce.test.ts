import { array, assert, constantFrom, integer, property } from "fast-check";
import { expect, test } from "vitest";

import type { Batch, DashboardV1 } from "@/api/member";
import { sumOf } from "@/design/series";
import type { LiveEvent } from "@/live";

import golden from "../../../../tests/bff/golden/DashboardV1.json";
import { changesAttention, reduceDashboard, shownRunning } from "./reduce";

const FULL = golden.full as DashboardV1;
const EMPTY = golden.empty as DashboardV1;
const EPOCH = "1795745875256";
const RUNNING = FULL.running?.[0]?.id ?? "";

function started(task: string, sequence: number, at = "2026-03-02T09:15:01Z"): LiveEvent {
  return {
    event: "started",
    task,
    kind: "text_feedback",
    at,
    worker: "worker-1",
    title: `Essay ${task}`,
    position: `${EPOCH}-${String(sequence)}`,
  };
}

function finished(task: string, outcome: "succeeded" | "failed" | "cancelled", sequence: number, at = "2026-03-02T09:15:02Z"): LiveEvent {
  return { event: "finished", task, kind: "text_feedback", at, outcome, position: `${EPOCH}-${String(sequence)}` };
}

test("a task that starts is shown last, because it has run for the shortest time", () => {
  const after = reduceDashboard(FULL, started("a", 4712));
  expect(after.running?.map((row) => row.id)).toEqual([RUNNING, "a"]);
  expect(after.running?.at(-1)).toMatchObject({ title: "Essay a", state: "running", started_at: "2026-03-02T09:15:01Z" });
});

test("a task that ends stays for three seconds with how it ended, and is counted in its minute and its day", () => {
  const after = reduceDashboard(FULL, finished(RUNNING, "failed", 4712));
  const [row] = after.running ?? [];
  expect(row?.state).toBe("failed");
  expect(shownRunning(after.running ?? [], Date.parse("2026-03-02T09:15:04Z"))).toHaveLength(1);
  expect(shownRunning(after.running ?? [], Date.parse("2026-03-02T09:15:05Z"))).toHaveLength(0);
  expect(after.throughput?.failed.at(-1)).toBe((FULL.throughput?.failed.at(-1) ?? 0) + 1);
  expect(after.today?.failed).toBe((FULL.today?.failed ?? 0) + 1);
});

test("what was cancelled is in no bar", () => {
  const after = reduceDashboard(FULL, finished(RUNNING, "cancelled", 4712));
  expect(after.throughput).toBe(FULL.throughput);
});

test("a hint of counts replaces them", () => {
  const counts = { pending: 1, queued: 2, running: 3, succeeded: 4, failed: 5, cancelled: 6 };
  expect(reduceDashboard(FULL, { event: "counts", position: null, hint: { counts, kinds: {} } }).counts).toEqual(counts);
});

test("a new batch comes first, and there are never more than five", () => {
  const batch = FULL.batches?.[0];
  if (batch === undefined) throw new Error("the golden example has no batch");
  const hint = (index: number): Batch => ({
    ...batch,
    id: `batch-${String(index)}`,
    owner: "ada",
    created_at: `2026-03-02T09:15:0${String(index)}Z`,
  });
  let screen = FULL;
  for (const index of [1, 2, 3, 4, 5, 6]) screen = reduceDashboard(screen, { event: "counted", position: null, hint: hint(index) });
  expect(screen.batches?.map((row) => row.id)).toEqual(["batch-6", "batch-5", "batch-4", "batch-3", "batch-2"]);
});

test("a kind that loses its workers is known at once", () => {
  const hint = {
    kind: "table_profile",
    change: "lost_workers" as const,
    has_workers: false,
    paused: false,
    announced_at: "2026-03-02T09:13:00Z",
  };
  expect(reduceDashboard(FULL, { event: "kind", position: null, hint }).kinds?.[0]).toMatchObject({ has_workers: false });
});

test("a part that is missing stays missing", () => {
  const missing: DashboardV1 = { ...FULL, running: null, throughput: null, today: null, counts: null, batches: null };
  for (const event of [started("a", 4712), finished("a", "failed", 4713)]) expect(reduceDashboard(missing, event)).toEqual(missing);
});

test("failures, kinds and schedules may change what needs attention, progress does not", () => {
  expect(changesAttention(finished("a", "failed", 1))).toBe(true);
  expect(changesAttention(finished("a", "succeeded", 1))).toBe(false);
  expect(changesAttention(started("a", 1))).toBe(false);
});

test("whatever starts and ends, at most eight tasks are shown, each once, and everything that ended is in the bars", () => {
  const tasks = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
  const steps = array(constantFrom(...tasks), { maxLength: 60 });
  assert(
    property(steps, integer({ min: 0, max: 5_000 }), (order, pause) => {
      let screen = EMPTY;
      let ended = 0;
      const running = new Set<string>();
      for (const [index, task] of order.entries()) {
        const at = new Date(Date.parse(EMPTY.at) + index * pause).toISOString();
        if (running.delete(task)) {
          screen = reduceDashboard(screen, finished(task, "succeeded", 5000 + index, at));
          ended += 1;
        } else {
          running.add(task);
          screen = reduceDashboard(screen, started(task, 5000 + index, at));
        }
        const shown = shownRunning(screen.running ?? [], Date.parse(at));
        expect(shown.length).toBeLessThanOrEqual(8);
        expect(new Set(shown.map((row) => row.id)).size).toBe(shown.length);
      }
      expect(sumOf(screen.throughput ?? { from: EMPTY.at, step: 60, succeeded: [], failed: [] }).succeeded).toBe(ended);
    }),
  );
});
