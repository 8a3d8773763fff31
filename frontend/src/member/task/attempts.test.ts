import { describe, expect, it } from "vitest";

import type { Attempt, TimelineItem } from "@/api/member";

import { foldAttempts } from "./attempts";
import examples from "./testing/attempts.json";

describe("the attempts that a timeline tells of", () => {
  it("are those that the server makes of it, whatever came late, twice or not at all", () => {
    for (const { timeline, attempts } of examples as unknown as { timeline: TimelineItem[]; attempts: Attempt[] }[]) {
      expect(foldAttempts(timeline)).toEqual(attempts);
    }
  });

  it("are none before anything has happened", () => {
    expect(foldAttempts([])).toEqual([]);
  });
});
