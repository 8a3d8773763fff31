import { describe, expect, it, vi } from "vitest";

import { ApiError } from "@/api/errors";
import type { TaskRow } from "@/api/member";

import type { BulkProgress } from "./change";
import { changeable, changeRows } from "./target";

const rows = Array.from({ length: 10 }, (_, each) => ({ id: String(each), state: each % 2 === 0 ? "failed" : "running" }) as TaskRow);
const now = (): Promise<void> => Promise.resolve();

async function all(steps: AsyncGenerator<BulkProgress>): Promise<BulkProgress[]> {
  const seen: BulkProgress[] = [];
  for await (const step of steps) seen.push(step);
  return seen;
}

describe("an action on rows that are selected", () => {
  it("is about those that it can change", () => {
    expect(changeable("cancel", rows).map((row) => row.id)).toEqual(["1", "3", "5", "7", "9"]);
    expect(changeable("run", rows).map((row) => row.id)).toEqual(["0", "2", "4", "6", "8"]);
  });

  it("changes each row once", async () => {
    const changed: string[] = [];
    const change = (row: TaskRow): Promise<string> => {
      changed.push(row.id);
      return Promise.resolve(`1-${row.id}`);
    };
    const steps = await all(changeRows(rows, change, new AbortController().signal, now));
    expect(changed.toSorted()).toEqual(rows.map((row) => row.id));
    expect(steps.at(-1)).toMatchObject({ done: 10, remaining: 0, position: "1-9" });
  });

  it("counts no row that had changed already", async () => {
    const steps = await all(changeRows(rows, (row) => Promise.resolve(row.id === "3" ? null : "1-1"), new AbortController().signal, now));
    expect(steps.at(-1)?.done).toBe(9);
  });

  it("comes back to the rows that the server refused for a while", async () => {
    let refusals = 2;
    const change = vi.fn<() => Promise<string>>(() => {
      refusals -= 1;
      return refusals >= 0 ? Promise.reject(new ApiError(429, "too_many_requests", "later", "", [], 3)) : Promise.resolve("1-1");
    });
    const pause = vi.fn<(seconds: number) => Promise<void>>(now);
    const steps = await all(changeRows(rows, change, new AbortController().signal, pause));
    expect(pause.mock.calls.map(([seconds]) => seconds)).toEqual([3]);
    expect(steps.at(-1)).toMatchObject({ done: 10, remaining: 0 });
    expect(change).toHaveBeenCalledTimes(12);
  });

  it("ends with a refusal that stays", async () => {
    const change = (): Promise<string> => Promise.reject(new ApiError(403, "forbidden", "no"));
    await expect(all(changeRows(rows, change, new AbortController().signal, now))).rejects.toThrow("no");
  });

  it("stops between requests when it is told to", async () => {
    const stop = new AbortController();
    const steps = changeRows(rows, () => Promise.resolve("1-1"), stop.signal, now);
    for await (const step of steps) if (step.done > 0) stop.abort();
    expect(stop.signal.aborted).toBe(true);
    expect((await steps.next()).done).toBe(true);
  });
});
