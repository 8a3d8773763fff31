import { describe, expect, it } from "vitest";

import { createAttention } from "./attention";

describe("what moves", () => {
  it("is no more than an eye follows, and something else once that has come to rest", () => {
    let now = 0;
    const attention = createAttention(() => now);
    const ask = (times: number): number => Array.from({ length: times }, () => attention.mayMove()).filter(Boolean).length;
    expect(ask(100)).toBe(4);
    now = 999;
    expect(ask(100)).toBe(0);
    now = 1_000;
    expect(ask(100)).toBe(4);
  });
});
