import { describe, expect, it } from "vitest";

import type { BatchDetailV1 } from "@/api/member";
import type { LiveEvent } from "@/live";

import golden from "../../../../tests/bff/golden/BatchDetailV1.json";
import { asksAnew } from "./useBatch";

const screen = golden.full as unknown as BatchDetailV1;
const finished = (outcome: string, batch = screen.batch?.id): LiveEvent => ({ event: "finished", batch, outcome }) as unknown as LiveEvent;

describe("a batch", () => {
  it("asks which tasks are slow when the first one of them has ended, and not at every end", () => {
    expect(asksAnew(finished("succeeded"), { ...screen, slowest: [] })).toBe(true);
    expect(asksAnew(finished("succeeded"), screen)).toBe(false);
    expect(asksAnew(finished("succeeded", "another"), { ...screen, slowest: [] })).toBe(false);
  });

  it("asks what failed whenever something has", () => {
    expect(asksAnew(finished("failed"), screen)).toBe(true);
  });
});
