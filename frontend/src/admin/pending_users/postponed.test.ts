import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { PostponedDecisions } from "./postponed";

describe("a decision that can be taken back", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("is carried out once its time is over, and once only", () => {
    const run = vi.fn();
    const decisions = new PostponedDecisions(5_000);
    decisions.postpone("ben", run);
    vi.advanceTimersByTime(4_999);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    decisions.flush();
    vi.runAllTimers();
    expect(run).toHaveBeenCalledOnce();
    expect(decisions.takeBack("ben")).toBe(false);
  });

  it("is never carried out once it was taken back", () => {
    const run = vi.fn();
    const decisions = new PostponedDecisions(5_000);
    decisions.postpone("ben", run);
    expect(decisions.takeBack("ben")).toBe(true);
    vi.runAllTimers();
    decisions.flush();
    expect(run).not.toHaveBeenCalled();
  });

  it("is carried out at once when the page goes away", () => {
    const [ben, eve] = [vi.fn(), vi.fn()];
    const decisions = new PostponedDecisions(5_000);
    decisions.postpone("ben", ben);
    decisions.postpone("eve", eve);
    decisions.flush();
    expect(ben).toHaveBeenCalledOnce();
    expect(eve).toHaveBeenCalledOnce();
  });

  it("goes before another one about the same", () => {
    const done: string[] = [];
    const decisions = new PostponedDecisions(5_000);
    decisions.postpone("ben", () => done.push("rejected"));
    decisions.postpone("ben", () => done.push("approved"));
    expect(done).toEqual(["rejected"]);
    vi.runAllTimers();
    expect(done).toEqual(["rejected", "approved"]);
  });
});
