import { describe, expect, it } from "vitest";

import { foldTask, type FollowedTask, type TaskEventName, type TaskEvents } from "./fold";

const COMMON = { task: "t", kind: "text_feedback", batch: null, at: "2026-03-02T09:15:00Z", attempt: 1 };

function after(...events: [TaskEventName, object][]): FollowedTask {
  let task: FollowedTask | null = null;
  for (const [name, fields] of events) {
    task = foldTask(task, name, { ...COMMON, event: name, ...fields } as NonNullable<TaskEvents[TaskEventName]>);
  }
  if (task === null) throw new Error("no event");
  return task;
}

describe("a task that is followed", () => {
  it("waits, runs, and succeeds with its result", () => {
    expect(after(["queued", { fence: 0 }]).state).toBe("queued");
    const running = after(["queued", { fence: 0 }], ["started", { worker: "w" }], ["progressed", { fraction: 0.5, message: "half" }]);
    expect(running).toMatchObject({ state: "running", progress: { fraction: 0.5, message: "half" } });
    const done = after(
      ["started", { worker: "w" }],
      ["progressed", { fraction: 1 }],
      ["finished", { outcome: "succeeded", result: { a: 1 } }],
    );
    expect(done).toMatchObject({ state: "succeeded", progress: null, result: { a: 1 }, finished_at: COMMON.at });
  });

  it("has the result null when the handler returns it, and none when it failed", () => {
    expect(after(["finished", { outcome: "succeeded", result: null }]).result).toBeNull();
    expect(after(["finished", { outcome: "failed", error: { code: "raised", message: "no" } }])).toMatchObject({
      result: undefined,
      error: { message: "no" },
    });
  });

  it("says why it is tried again, and when", () => {
    const task = after(
      ["started", { worker: "w" }],
      ["deferred", { due_at: "2026-03-02T09:16:00Z", fence: 0, error: { code: "raised", message: "x" } }],
    );
    expect(task).toMatchObject({ state: "pending", due_at: "2026-03-02T09:16:00Z", error: { message: "x" } });
  });

  it("has no result any more when it is run again", () => {
    const task = after(["finished", { outcome: "succeeded", result: 1 }], ["queued", { fence: 7 }]);
    expect(task).toMatchObject({ state: "queued", result: undefined, finished_at: null });
  });

  it("keeps its newest lines, and says that there were others", () => {
    const lines = Array.from({ length: 250 }, (_, at): [TaskEventName, object] => ["logged", { level: "info", message: String(at) }]);
    const task = after(...lines);
    expect(task.log).toHaveLength(200);
    expect(task.log.at(-1)?.message).toBe("249");
    expect(task.has_earlier).toBe(true);
  });
});
