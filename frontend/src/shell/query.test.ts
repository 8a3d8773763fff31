import { describe, expect, it } from "vitest";

import { ApiError } from "@/api/errors";

import { mayRetry, retryDelay } from "./query";

describe("a request", () => {
  it("is sent again when nothing answered or the API was away, three times", () => {
    for (const error of [new ApiError(0, "unreachable", ""), new ApiError(503, "x", "")]) {
      expect([0, 1, 2, 3].map((failures) => mayRetry(failures, error))).toEqual([true, true, true, false]);
    }
    for (const status of [400, 401, 403, 404, 429, 500]) expect(mayRetry(0, new ApiError(status, "x", ""))).toBe(false);
  });

  it("waits for as long as the API asks for, and at most ten seconds", () => {
    expect(retryDelay(0, new ApiError(503, "x", "", "", [], 3))).toBe(3_000);
    expect(retryDelay(0, new ApiError(503, "x", "", "", [], 300))).toBe(10_000);
    expect([0, 1, 2].map((failures) => retryDelay(failures, new ApiError(0, "x", "")))).toEqual([1_000, 2_000, 4_000]);
  });
});
