import { expect, test } from "vitest";

import type { Attention } from "@/api/member";

import golden from "../../../../tests/bff/golden/OverviewV1.json";
import { isAtLeast, keyOf, listOf, mendOf } from "./words";

const ENTRIES = golden.full.attention as Attention[];
const [NO_WORKERS, LOG, FAILURES] = ENTRIES as [Attention, Attention, Attention];

test("each entry leads to the list with exactly its tasks", () => {
  expect(listOf(NO_WORKERS, "member")).toEqual({ path: "/tasks", query: { state: ["queued"], kind: ["text_feedback"] } });
  expect(listOf(FAILURES, "admin")).toEqual({
    path: "/admin/tasks",
    query: { state: ["failed"], fingerprint: "8a5c0b7d1f3e2946", finished_from: "2026-03-01T10:00:00Z" },
  });
  expect(listOf(LOG, "admin")).toBeNull();
});

test("each entry has what mends it", () => {
  expect(mendOf(NO_WORKERS, "member", false).command).toBe("headrace worker text_feedback");
  expect(mendOf(FAILURES, "member", false).run_again?.fingerprint).toBe("8a5c0b7d1f3e2946");
  expect(mendOf(LOG, "admin", true).page).toEqual({ path: "/admin/settings", label: "settings" });
  expect(mendOf({ ...LOG, what: "behind" }, "admin", true).command).toBe("headrace projector");
});

test("only administrators are offered to resume a kind", () => {
  const paused: Attention = { ...NO_WORKERS, what: "paused" };
  expect(mendOf(paused, "member", true).resume).toBe("text_feedback");
  expect(mendOf(paused, "member", false).resume).toBeNull();
});

test("where no more are counted, there may be more", () => {
  expect(isAtLeast({ ...NO_WORKERS, what: "late", count: 1000 }, "member")).toBe(true);
  expect(isAtLeast({ ...NO_WORKERS, what: "late", count: 250 }, "admin")).toBe(true);
  expect(isAtLeast({ ...NO_WORKERS, count: 1000 }, "member")).toBe(false);
});

test("an entry stays the same while its numbers change", () => {
  expect(keyOf({ ...FAILURES, count: 99 })).toBe(keyOf(FAILURES));
  expect(new Set(ENTRIES.map(keyOf)).size).toBe(ENTRIES.length);
});
