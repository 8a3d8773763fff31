import { describe, expect, it } from "vitest";

import type { HintEvent, TaskLiveEvent } from "./events";
import { createRing } from "./ring";

const event = (sequence: number): TaskLiveEvent => ({ event: "started", task: "a", position: `1-${String(sequence)}` }) as TaskLiveEvent;
const positions = (events: readonly TaskLiveEvent[]): string[] => events.map((each) => each.position);
const counts = (running: number): HintEvent => ({ event: "counts", position: null, hint: { counts: { running } } }) as HintEvent;

describe("a ring", () => {
  it("gives the events after a position, and says whether these are all", () => {
    const ring = createRing();
    ring.clear("1-5");
    for (const sequence of [6, 9, 12]) ring.push(event(sequence));
    expect(positions(ring.after("1-6"))).toEqual(["1-9", "1-12"]);
    expect(positions(ring.after("1-12"))).toEqual([]);
    expect(ring.covers("1-5")).toBe(true);
    expect(ring.covers("1-4")).toBe(false);
  });

  it("takes no event twice", () => {
    const ring = createRing();
    ring.clear("1-0");
    expect(ring.push(event(2))).toBe(true);
    expect(ring.push(event(2))).toBe(false);
    expect(ring.push(event(1))).toBe(false);
    expect(positions(ring.after(null))).toEqual(["1-2"]);
  });

  it("forgets the oldest, and says that it does not know them", () => {
    const ring = createRing(100);
    ring.clear("1-0");
    for (let sequence = 1; sequence <= 1_000; sequence += 1) ring.push(event(sequence));
    expect(ring.after(null).length).toBeLessThanOrEqual(125);
    expect(ring.covers("1-0")).toBe(false);
    expect(ring.covers(ring.from as string)).toBe(true);
    expect(ring.after(ring.from).length).toBe(ring.after(null).length);
  });

  it("takes earlier events that another tab has", () => {
    const ring = createRing();
    ring.clear("1-5");
    ring.push(event(6));
    ring.prepend([event(3), event(5), event(6)], "1-2");
    expect(positions(ring.after("1-2"))).toEqual(["1-3", "1-5", "1-6"]);
    expect(ring.covers("1-2")).toBe(true);
  });

  it("keeps of each subject the newest hint, and knows which came after another", () => {
    const ring = createRing();
    ring.note(counts(1), 100);
    const before = ring.serial;
    ring.note(counts(2), 200);
    expect(ring.hintsAfter(0)).toEqual([counts(2)]);
    expect(ring.hintsAfter(before)).toEqual([counts(2)]);
    expect(ring.hintsAfter(ring.serial)).toEqual([]);
    expect(ring.hintsAfter(ring.serialBefore(150))).toEqual([counts(2)]);
    expect(ring.hintsAfter(ring.serialBefore(250))).toEqual([]);
  });
});
