import { describe, expect, it } from "vitest";

import type { TaskRow } from "@/api/member";

import { useSelection } from "./useSelection";

const rows = ["a", "b", "c", "d"].map((id) => ({ id }) as TaskRow);
const idsOf = (selection: ReturnType<typeof useSelection>): string[] => selection.rows.value.map((row) => row.id);

describe("the selection of rows", () => {
  it("has a row that is selected, and has it no more when it is selected again", () => {
    const selection = useSelection(() => rows);
    selection.toggle("b");
    expect(idsOf(selection)).toEqual(["b"]);
    selection.toggle("b");
    expect(idsOf(selection)).toEqual([]);
  });

  it("has all rows between two, in either direction", () => {
    const selection = useSelection(() => rows);
    selection.toggle("d");
    selection.toggle("b", true);
    expect(idsOf(selection)).toEqual(["b", "c", "d"]);
  });

  it("has all rows, and then none", () => {
    const selection = useSelection(() => rows);
    selection.toggleAll();
    expect(idsOf(selection)).toHaveLength(4);
    selection.toggleAll();
    expect(idsOf(selection)).toEqual([]);
  });

  it("has no row that has left the list", () => {
    let shown = rows;
    const selection = useSelection(() => shown);
    selection.toggle("a");
    shown = rows.slice(1);
    selection.toggle("b");
    expect(idsOf(selection)).toEqual(["b"]);
  });
});
