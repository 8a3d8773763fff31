import { describe, expect, it } from "vitest";

import type { BatchesV1, BatchRow } from "@/api/member";
import type { LiveEvent } from "@/live";

import golden from "../../../../tests/bff/golden/BatchesV1.json";
import { type BatchList, formatBatchFilter, parseBatchFilter, reduceBatchList } from "./batchList";

const page = golden.full as unknown as BatchesV1;
const known = (page.items as BatchRow[])[0] as BatchRow;
const list: BatchList = { ...page, items: [known], arrived: [], revealed: 0, asked: { state: null, kind: null, owner: null } };

function counted(change: Partial<BatchRow>): LiveEvent {
  return { event: "counted", position: null, hint: { ...known, owner: "ada", ...change } } as LiveEvent;
}

describe("the list of batches", () => {
  it("has the counts of a batch as they are now", () => {
    const counts = { ...known.counts, failed: 99 };
    const after = reduceBatchList(list, counted({ counts, position: "9999999999999-1" }));
    expect(after.items?.[0]?.counts.failed).toBe(99);
    expect(after.arrived).toEqual([]);
  });

  it("keeps newer counts when an older hint comes late", () => {
    expect(reduceBatchList(list, counted({ position: "1-1" }))).toBe(list);
  });

  it("has a new batch above the others, once", () => {
    const newer = counted({ id: "newer", created_at: "2099-01-01T00:00:00Z", position: "9999999999999-2" });
    const after = reduceBatchList(reduceBatchList(list, newer), newer);
    expect(after.arrived.map((row) => row.id)).toEqual(["newer"]);
  });

  it("takes in no batch that is older than those it shows, and none that the filter leaves out", () => {
    const older = counted({ id: "older", created_at: "2000-01-01T00:00:00Z" });
    expect(reduceBatchList(list, older)).toBe(list);
    const newer = counted({ id: "newer", created_at: "2099-01-01T00:00:00Z" });
    const other = { ...list, asked: { state: null, kind: "another", owner: null } };
    expect(reduceBatchList(other, newer)).toBe(other);
  });
});

describe("the filter of batches in the address", () => {
  it("comes back as it was written, and leaves out what cannot be", () => {
    const filter = { state: "open" as const, kind: "table_profile", owner: "*" };
    expect(parseBatchFilter(formatBatchFilter(filter) as Record<string, string>)).toEqual(filter);
    expect(parseBatchFilter({ state: "gone" })).toEqual({ state: null, kind: null, owner: null });
  });
});
