import { describe, expect, it } from "vitest";

import type { SchedulesV1 } from "@/api/member";

import examples from "../../../../tests/bff/golden/SchedulesV1.json";
import { showChange } from "./recent";

const screen = examples.full as unknown as SchedulesV1;
const schedule = screen.items?.[0]?.id ?? "";
const known = screen.items?.[0]?.recent[0]?.task ?? "";
const at = "2026-03-02T09:16:00Z";

describe("the row of a schedule's recent tasks", () => {
  it("begins with a task that was submitted just now", () => {
    const after = showChange(screen, { schedule, task: "new", state: "queued", at }, true);
    expect(after.items?.[0]?.recent.map(({ task }) => task)).toEqual(["new", known]);
    expect(screen.items?.[0]?.recent).toHaveLength(1);
  });

  it("changes the mark of a task that it shows, and the last firing's", () => {
    const after = showChange(screen, { schedule, task: known, state: "failed", at }, false);
    expect(after.items?.[0]?.recent[0]?.state).toBe("failed");
    expect(after.items?.[0]?.last?.state).toBe("failed");
  });

  it("is not changed by old tasks, nor by those of other schedules", () => {
    expect(showChange(screen, { schedule, task: "old", state: "failed", at }, false)).toBe(screen);
    expect(showChange(screen, { schedule: "other", task: "new", state: "queued", at }, true)).toBe(screen);
  });

  it("never has more than twelve", () => {
    let after = screen;
    for (let index = 0; index < 20; index += 1) {
      after = showChange(after, { schedule, task: String(index), state: "queued", at }, true);
    }
    expect(after.items?.[0]?.recent).toHaveLength(12);
  });
});
