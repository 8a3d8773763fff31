import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";

import type { BulkRequest, BulkResult } from "@/api/core";
import { ApiError } from "@/api/errors";

import { type BulkProgress, type BulkSend, changeAll, countChanges, narrowed, pauseFor } from "./change";

const AT = "2026-03-01T09:30:00.123456Z";
const now = (): Promise<void> => Promise.resolve();

/** A server with so many tasks, which answers as the API does. */
function server(tasks: number): { left: number; asked: [BulkRequest, string | undefined][]; send: BulkSend } {
  const api = {
    left: tasks,
    asked: [] as [BulkRequest, string | undefined][],
    send: (body: BulkRequest, at_least: string | undefined): Promise<BulkResult> => {
      api.asked.push([body, at_least]);
      const done = body.dry_run === true ? 0 : Math.min(api.left, body.limit ?? 1000);
      const matched = api.left;
      api.left -= done;
      return Promise.resolve({ matched, done, remaining: matched - done, position: `1-${String(api.asked.length)}`, at: AT });
    },
  };
  return api;
}

async function all(steps: AsyncGenerator<BulkProgress>): Promise<BulkProgress[]> {
  const seen: BulkProgress[] = [];
  for await (const step of steps) seen.push(step);
  return seen;
}

describe("a bulk action", () => {
  it("changes every task, however many there are", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 5000 }), async (tasks) => {
        const api = server(tasks);
        const steps = await all(changeAll("cancel", api.send, {}, AT, new AbortController().signal, now));
        expect(api.left).toBe(0);
        expect(steps.at(-1)).toMatchObject({ done: tasks, remaining: 0 });
      }),
      { numRuns: 30 },
    );
  });

  it("reads each page at the position of the one before", async () => {
    const api = server(700);
    await all(changeAll("cancel", api.send, {}, null, new AbortController().signal, now));
    expect(api.asked.map(([, at_least]) => at_least)).toEqual([undefined, "1-1", "1-2"]);
  });

  it("runs each task once, also one that ends again meanwhile", async () => {
    const api = server(1);
    await all(changeAll("run", api.send, { state: ["failed"] }, AT, new AbortController().signal, now));
    expect(api.asked[0]?.[0].select).toEqual({ state: ["failed"], finished_before: AT });
  });

  it("cancels nothing that came after the count", async () => {
    const api = server(1);
    await all(changeAll("cancel", api.send, {}, AT, new AbortController().signal, now));
    expect(api.asked[0]?.[0].select).toEqual({ created_before: AT });
  });

  it("keeps an earlier end that the filter has", async () => {
    const api = server(1);
    const before = "2026-02-01T00:00:00Z";
    await all(changeAll("run", api.send, { finished_before: before }, AT, new AbortController().signal, now));
    expect(api.asked[0]?.[0].select).toEqual({ finished_before: before });
  });

  it("stops between two requests when it is told to", async () => {
    const api = server(5000);
    const stop = new AbortController();
    for await (const step of changeAll("cancel", api.send, {}, AT, stop.signal, now)) if (step.done >= 500) stop.abort();
    expect(api.left).toBe(4500);
  });

  it("waits as long as Retry-After says, and goes on", async () => {
    const api = server(300);
    const refusal = new ApiError(429, "too_many_requests", "later", "c", [], 7);
    const send = vi.fn<BulkSend>(api.send).mockRejectedValueOnce(refusal);
    const pause = vi.fn<(seconds: number) => Promise<void>>(now);
    const steps = await all(changeAll("run", send, {}, AT, new AbortController().signal, pause));
    expect(pause.mock.calls[0]?.[0]).toBe(7);
    expect(steps[0]).toMatchObject({ waiting: 7, done: 0 });
    expect(api.left).toBe(0);
  });

  it("ends with the refusal when waiting does not help", async () => {
    const send: BulkSend = () => Promise.reject(new ApiError(403, "forbidden", "no"));
    await expect(all(changeAll("run", send, {}, AT, new AbortController().signal, now))).rejects.toThrow("no");
  });

  it("gives up on tasks that cannot be changed", async () => {
    const send = vi.fn<BulkSend>(() => Promise.resolve({ matched: 900, done: 0, remaining: 650, position: "1-1", at: AT }));
    await all(changeAll("cancel", send, {}, AT, new AbortController().signal, now));
    expect(send).toHaveBeenCalledTimes(3);
  });

  it("counts without changing anything", async () => {
    const api = server(12);
    await expect(countChanges(api.send, {})).resolves.toMatchObject({ matched: 12, done: 0 });
    expect(api.left).toBe(12);
  });
});

describe("the tasks that an action is about", () => {
  it("are those that can be cancelled", () => {
    expect(narrowed("cancel", {}).state).toEqual(["pending", "queued", "running"]);
    expect(narrowed("cancel", { state: ["running", "failed"] }).state).toEqual(["running"]);
  });

  it("are those that did not succeed, unless somebody asks for others", () => {
    expect(narrowed("run", {}).state).toEqual(["failed", "cancelled"]);
    expect(narrowed("run", { state: ["succeeded"] }).state).toEqual(["succeeded"]);
  });
});

describe("a pause", () => {
  it("ends early when it is told to stop", async () => {
    const stop = new AbortController();
    const pause = pauseFor(3600, stop.signal);
    stop.abort();
    await expect(pause).resolves.toBeUndefined();
  });
});
