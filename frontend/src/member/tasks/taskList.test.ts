import { describe, expect, it } from "vitest";

import type { TaskRow, TasksV1 } from "@/api/member";
import { type LiveEvent, newRow } from "@/live";

import golden from "../../../../tests/bff/golden/TasksV1.json";
import { anyTask, type TaskFilter } from "./filter/filter";
import {
  appendPage,
  ARRIVED_MAX,
  beginList,
  countWaiting,
  facetsOf,
  holdBefore,
  reduceList,
  revealArrived,
  shownRows,
  type TaskList,
} from "./taskList";

const page = golden.full as unknown as TasksV1;
const known = (page.items as TaskRow[])[0] as TaskRow;

function listOf(filter: Partial<TaskFilter> = {}): TaskList {
  const asked = { ...anyTask(), ...filter };
  return beginList({ ...page, filter: asked, position: "1-10", items: [{ ...known, position: "1-10" }] }, asked);
}

function submitted(id: string, sequence: number, more: object = {}): LiveEvent {
  const said = { event: "queued", task: id, kind: "table_profile", at: "2026-03-02T09:16:00Z", fence: 0, title: `Task ${id}`, ...more };
  return { ...said, position: `1-${String(sequence)}` } as LiveEvent;
}

function ended(id: string, sequence: number, outcome: string): LiveEvent {
  return {
    event: "finished",
    task: id,
    kind: "table_profile",
    at: "2026-03-02T09:16:00Z",
    outcome,
    position: `1-${String(sequence)}`,
  } as LiveEvent;
}

describe("a list of tasks", () => {
  it("changes the row of a task where it is", () => {
    const after = reduceList(listOf(), ended(known.id, 11, "succeeded"));
    expect(after.items?.map((row) => row.state)).toEqual(["succeeded"]);
    expect(after.arrived).toEqual([]);
  });

  it("is the same list after an event that is older than the row", () => {
    const before = listOf();
    expect(reduceList(before, ended(known.id, 9, "failed")).items).toBe(before.items);
  });

  it("has new tasks above the others, the newest first", () => {
    const after = [submitted("a", 11), submitted("b", 12)].reduce(reduceList, listOf());
    expect(after.arrived.map((row) => row.id)).toEqual(["b", "a"]);
  });

  it("shows new tasks once they are revealed, and keeps what comes after that back", () => {
    const revealed = revealArrived(reduceList(listOf(), submitted("a", 11)));
    const after = reduceList(revealed, submitted("b", 12));
    expect(shownRows(after).map((row) => row.id)).toEqual(["a", known.id]);
    expect(countWaiting(after)).toBe(1);
  });

  it("changes the rows of new tasks, too", () => {
    const after = [submitted("a", 11), ended("a", 12, "failed")].reduce(reduceList, listOf());
    expect(after.arrived.map((row) => row.state)).toEqual(["failed"]);
  });

  it("takes no new task that the filter does not select", () => {
    const before = listOf({ kind: ["another"] });
    expect(reduceList(before, submitted("a", 11))).toBe(before);
  });

  it("counts a task once that has come to be in the states of the filter, wherever its row is", () => {
    const before = listOf({ state: ["failed"] });
    const after = [ended("x", 11, "failed"), ended("x", 13, "failed"), ended("y", 14, "succeeded")].reduce(reduceList, before);
    expect([...after.others]).toEqual(["x"]);
  });

  it("is bounded, however many tasks come", () => {
    let list = listOf();
    for (let each = 0; each < 3 * ARRIVED_MAX; each += 1) list = reduceList(list, submitted(`t${String(each)}`, 11 + each));
    expect(list.arrived).toHaveLength(ARRIVED_MAX);
    expect(list.others.size).toBeLessThanOrEqual(1_000);
  });

  it("takes nothing in where it is sorted by a duration", () => {
    const before = listOf({ sort: "longest_run" });
    expect(reduceList(before, submitted("a", 11))).toBe(before);
  });

  it("shows a row once, on whichever pages it was", () => {
    const more = { items: [known, { ...known, id: "older" }], next_cursor: null };
    expect(appendPage(listOf(), more).items?.map((row) => row.id)).toEqual([known.id, "older"]);
  });

  it("keeps rows back that came before the one that somebody sees first", () => {
    const newer = newRow(submitted("new", 11)) as TaskRow;
    const loaded = { ...listOf(), items: [newer, known] };
    const held = holdBefore(loaded, known.id);
    expect(held.arrived.map((row) => row.id)).toEqual(["new"]);
    expect(held.items?.map((row) => row.id)).toEqual([known.id]);
    expect(holdBefore(loaded, null)).toBe(loaded);
  });

  it("counts as the server does: states of the kinds, and kinds of the states", () => {
    const none = { pending: 0, queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
    const found = { counts: { ...none, failed: 5, running: 2 }, kinds: { a: { ...none, failed: 5 }, b: { ...none, running: 2 } } };
    const facets = facetsOf(found, { ...anyTask(), kind: ["a"], state: ["failed"] });
    expect(facets).toEqual({ state: { ...none, failed: 5 }, kind: { a: 5 } });
  });
});
