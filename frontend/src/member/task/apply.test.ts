import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { TaskDetail, TaskDetailV1, TimelineItem } from "@/api/member";
import type { FullTaskEvent } from "@/live";

import { applyEvents, LINES_MAX } from "./apply";
import { foldAttempts } from "./attempts";
import { anEnd, anEvent, aScreen, AT, history, serverAnswer } from "./testing/history";

// Histories are long, and a machine that builds at the same time is slow.
const PATIENCE_MILLISECONDS = 30_000;

describe("the page of a task that is followed", () => {
  it(
    "is what a fresh answer says, wherever its answer stood, however often events come, and in whatever portions",
    () => {
      fc.assert(
        fc.property(
          history,
          fc.nat(),
          fc.nat(),
          fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 20 }),
          (events, stood, again, portions) => {
            const known = 1 + (stood % events.length);
            const from = again % (known + 1);
            let screen = serverAnswer(events.slice(0, known));
            let next = from;
            for (const portion of [...portions, events.length]) {
              screen = applyEvents(screen, events.slice(next, next + portion));
              next += portion;
            }
            const fresh = serverAnswer(events);
            // When it was answered, and for which position, is of the answer.
            expect({ ...screen, at: fresh.at, position: fresh.position, waiting: fresh.waiting }).toEqual(fresh);
          },
        ),
        { numRuns: 100 },
      );
    },
    PATIENCE_MILLISECONDS,
  );

  it("is the same object after events that it has already, and after those of another task", () => {
    fc.assert(
      fc.property(history, (events) => {
        const screen = serverAnswer(events);
        expect(applyEvents(screen, events)).toBe(screen);
        expect(
          applyEvents(
            screen,
            events.map((event) => ({ ...event, task: "other", position: "9-9" }) as FullTaskEvent),
          ),
        ).toBe(screen);
      }),
    );
  });
});

describe("the end of a task that is followed", () => {
  it("brings the result, also where lists have told of the end before", () => {
    const running = aScreen({ state: "running", position: "1-2" });
    const end = anEnd(3, "succeeded", { result: { rows: 3 } });
    const told = { ...running, task: { ...running.task, state: "succeeded", position: "1-3", finished_at: AT } as TaskDetail };
    for (const screen of [running, told]) {
      expect(applyEvents(screen, [end]).task).toMatchObject({ state: "succeeded", result: { kind: "whole", value: { rows: 3 } } });
    }
  });

  it("says how large a result is that the store has, in place of showing none", () => {
    const end = anEnd(3, "succeeded", { result: null, stored_result: { key: "files/ada/r1/content", size: 1 << 20, sha256: "0" } });
    const after = applyEvents(aScreen({ state: "running", position: "1-2" }), [end]);
    expect(after.task?.result).toEqual({ kind: "large", bytes: 1 << 20, file: null });
    expect(after.timeline?.at(-1)).not.toHaveProperty("data.stored_result");
  });

  it("brings the traceback of a failure", () => {
    const end = anEnd(3, "failed", { error: { code: "raised", message: "no", traceback: "line 3" } });
    expect(applyEvents(aScreen({ state: "running", position: "1-2" }), [end]).task?.error).toMatchObject({
      code: "raised",
      message: "no",
      traceback: "line 3",
    });
  });

  it("does not load a large result by itself", () => {
    const end = anEnd(3, "succeeded", { result: "x".repeat(70_000) });
    expect(applyEvents(aScreen({ state: "running", position: "1-2" }), [end]).task?.result).toMatchObject({
      kind: "large",
      bytes: 70_002,
      file: null,
    });
  });

  it("takes the result away when the task runs again", () => {
    const over = aScreen({ state: "succeeded", position: "1-3", result: { kind: "whole", value: 1 } });
    expect(applyEvents(over, [anEvent(4, { event: "queued", fence: 3 })]).task).toMatchObject({
      state: "queued",
      result: { kind: "none" },
    });
  });
});

describe("what a task writes", () => {
  it("is kept to the newest 2,000 lines, and says that there were others", () => {
    const lines = Array.from({ length: LINES_MAX + 5 }, (_, index) =>
      anEvent(10 + index, { event: "logged", level: "info", message: String(index) }),
    );
    const { log } = applyEvents(aScreen({ state: "running", position: "1-2" }), lines);
    expect([log?.lines.length, log?.lines[0]?.message, log?.complete]).toEqual([LINES_MAX, "5", false]);
  });

  it("is not thought complete when the log could not be read", () => {
    const screen: TaskDetailV1 = { ...aScreen({ state: "running", position: "1-2" }), log: null, output: null };
    const after = applyEvents(screen, [
      anEvent(5, { event: "logged", level: "info", message: "a" }),
      anEvent(6, { event: "emitted", chunks: ["b"] }),
    ]);
    expect([after.log?.complete, after.log?.lines.length, after.output?.complete, after.output?.chunks]).toEqual([false, 1, false, ["b"]]);
  });
});

describe("a timeline", () => {
  it("has the first thousand events of a task and no more", () => {
    const items = Array.from(
      { length: 1_000 },
      (_, index) => ({ position: `1-${String(index + 1)}`, event: "started", at: AT, attempt: 1, data: { worker: "w" } }) as TimelineItem,
    );
    const screen = { ...aScreen({ state: "running", position: "1-1000" }), timeline: items, attempts: foldAttempts(items) };
    expect(applyEvents(screen, [anEnd(1_001, "succeeded", { result: 1 })]).timeline).toEqual(items);
  });
});
