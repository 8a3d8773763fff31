import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type Entry, matching, taskIdIn } from "./match";

function entry(label: string, group = "a"): Entry {
  return { id: label, group, label, run: () => undefined };
}
const labels = (entries: Entry[]): string[] => entries.map(({ label }) => label);

describe("the palette", () => {
  it("shows everything while nothing is asked for", () => {
    expect(labels(matching([entry("Tasks"), entry("Batches")], "  "))).toEqual(["Tasks", "Batches"]);
  });

  it("finds all words in any order, whatever their case and accents", () => {
    const entries = [entry("New text_feedback"), entry("Zeitpläne"), entry("Schließen")];
    expect(labels(matching(entries, "FEEDBACK new"))).toEqual(["New text_feedback"]);
    expect(labels(matching(entries, "zeitplane"))).toEqual(["Zeitpläne"]);
    expect(labels(matching(entries, "schliess"))).toEqual(["Schließen"]);
  });

  it("puts what begins with the query first, then words that do", () => {
    const entries = [entry("contest"), entry("My test"), entry("Test it")];
    expect(labels(matching(entries, "test"))).toEqual(["Test it", "My test", "contest"]);
  });

  it("finds nothing but what has all words, invents nothing, and keeps groups together", () => {
    const entries = fc.array(fc.record({ label: fc.string(), group: fc.constantFrom("a", "b") }), { maxLength: 12 });
    fc.assert(
      fc.property(entries, fc.string({ maxLength: 6 }), (made, query) => {
        const all = made.map(({ label, group }, at) => ({ ...entry(label, group), id: String(at) }));
        const found = matching(all, query);
        expect(new Set(found).size).toBe(found.length);
        expect(found.every((each) => all.includes(each))).toBe(true);
        if (query.trim() === "") return;
        const changes = found.filter((each, at) => at > 0 && each.group !== found[at - 1]?.group);
        expect(changes.length).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("knows the id of a task in an address or a text", () => {
    const id = "01980f70-0000-7000-8000-000000000001";
    expect(taskIdIn(`https://x.example/tasks/${id}?a=b`)).toBe(id);
    expect(taskIdIn(id.toUpperCase())).toBe(id);
    expect(taskIdIn("01980f70")).toBeNull();
  });
});
