import { mount, type VueWrapper } from "@vue/test-utils";
import * as fc from "fast-check";
import { Quasar } from "quasar";
import { describe, expect, it, vi } from "vitest";
import { defineComponent, h } from "vue";

import { i18n } from "@/i18n";

import { provideKnownFiles } from "./known_files";
import ResultView from "./ResultView.vue";
import { sortRows } from "./rows";
import { segmentsOf } from "./segments";
import { findingOf, viewerOf, type Finding } from "./viewer";

const finding = (start: number, end: number, rule = "spelling"): Finding => ({
  rule,
  start,
  end,
  message: `at ${String(start)}`,
  suggestions: [],
});

function show(value: unknown, input?: unknown): VueWrapper {
  URL.createObjectURL ??= () => "blob:x";
  URL.revokeObjectURL ??= () => undefined;
  return mount(ResultView as object, { props: { value, input }, global: { plugins: [i18n, Quasar] }, attachTo: document.body });
}

describe("the way a value is shown", () => {
  it.each([
    [[{ start: 0, end: 1, message: "m" }], "findings"],
    [[{ name: "a", histogram: [{ lower: 0, upper: 1, count: 2 }] }], "profile"],
    [["data:image/png;base64,AA=="], "images"],
    ["data:image/png;base64,AA==", "images"],
    [[{ a: 1 }, { b: 2 }], "rows"],
    [[1, 2], "tree"],
    [{ a: 1 }, "fields"],
    [Object.fromEntries(Array.from({ length: 500 }, (_, n) => [n, n])), "tree"],
    [[], "simple"],
    ["text", "simple"],
    [null, "simple"],
    ["javascript:alert(1)", "simple"],
  ])("of %j is %s", (value, viewer) => {
    expect(viewerOf(value, "some text")).toBe(viewer);
  });

  it("is found for anything, and what it shows can be drawn", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (value, input) => {
        show(value, input).unmount();
      }),
      { numRuns: 50 },
    );
  });
});

describe("findings", () => {
  it("cut a text into pieces that are the text again, whatever overlaps", () => {
    const findings = fc.array(fc.tuple(fc.nat(30), fc.nat(10)).map(([start, length]) => finding(start, start + length)));
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 30 }), findings, (text, some) => {
        const points = [...text];
        const segments = segmentsOf(text, some, 0, text.length);
        expect(segments.map((each) => each.text).join("")).toBe(text);
        for (const [index, each] of some.entries()) {
          const marked = segments.filter((segment) => segment.findings.includes(index)).map((segment) => segment.text);
          expect(marked.join("")).toBe(points.slice(each.start, each.end).join(""));
        }
      }),
    );
  });

  it("are counted in code points, as the worker counts them", () => {
    const [, marked] = segmentsOf("😀😀 teh end", [finding(3, 6)], 0, 11);
    expect(marked).toEqual({ text: "teh", findings: [0] });
  });

  it("are chosen in the list and in the text, and both show the same one", async () => {
    const scrolled = vi.fn<() => void>();
    Element.prototype.scrollIntoView = scrolled;
    const findings = [finding(0, 3), finding(8, 11, "repeated_word")];
    const view = show({ findings }, { text: "teh one the end", language: "en" });
    const [first, second] = view.findAll("ol button");
    await second!.trigger("click");
    expect(view.findAll("mark.chosen").map((mark) => mark.text())).toEqual(["the"]);
    await view.find("mark").trigger("click");
    expect(first!.attributes("aria-current")).toBe("true");
    expect(view.findAll("mark.chosen").map((mark) => mark.text())).toEqual(["teh"]);
    expect(scrolled).toHaveBeenCalled();
    view.unmount();
  });

  it("are only what has a place and a message", () => {
    expect([findingOf({ start: 0.5, end: 1, message: "m" }), findingOf({ start: 0, end: 1 }), findingOf(null)]).toEqual([null, null, null]);
  });
});

describe("rows", () => {
  it("are sorted as numbers or as text, with gaps last, and twice the other way round", async () => {
    const rows = [{ n: 10, s: "b" }, { n: null, s: "a" }, { n: 9 }];
    expect(sortRows(rows, { column: "n", descending: false }, "en").map((row) => row["n"])).toEqual([9, 10, null]);
    expect(sortRows(rows, { column: "n", descending: true }, "en").map((row) => row["n"])).toEqual([10, 9, null]);
    const view = show(rows);
    await view.findAll("th button")[1]!.trigger("click");
    expect(view.findAll("tbody tr").map((row) => row.text())).toEqual(["a", "10b", "9"]);
    expect(view.findAll("th")[1]!.attributes("aria-sort")).toBe("ascending");
    view.unmount();
  });

  it("are the first 200, and it says so", () => {
    const view = show(Array.from({ length: 1_204 }, (_, n) => ({ n })));
    expect(view.findAll("tbody tr")).toHaveLength(200);
    expect(view.text()).toContain("The first 200 of 1,204 rows.");
  });
});

it("shows any result as JSON, of a large one the beginning, and all of it as a file", async () => {
  const view = show({ text: "x".repeat(300_000) });
  await view.get("input[value=json]").setValue();
  expect(view.get("pre").text().length).toBeLessThanOrEqual(100_000);
  expect(view.text()).toContain("The first 100\u00a0KB of 300\u00a0KB.");
  expect(view.get("a[download]").attributes("href")).toMatch(/^blob:/u);
});

it("draws a long text in pieces, when somebody asks for more", async () => {
  const view = show("wheel ".repeat(50_000));
  const text = view.get("[role=region]");
  expect(text.text().length).toBeLessThanOrEqual(100_000);
  expect(view.text()).toContain("The first 100,000 of 300,000 characters.");
  await view.get("button").trigger("click");
  expect(text.text().length).toBeGreaterThan(190_000);
});

it("shows the files of its task by their names, wherever their ids stand", () => {
  const files = new Map([["f1", { name: "report.pdf", href: "/api/v1/files/f1/content" }]]);
  const below = defineComponent({
    setup() {
      provideKnownFiles(() => files);
      return () => h(ResultView, { value: { report: "f1", other: "f2", pages: [{ file: "f1", n: 1 }] } });
    },
  });
  const view = mount(below, { global: { plugins: [i18n, Quasar] } });
  expect(view.findAll("a").map((link) => [link.text(), link.attributes("href")])).toEqual([
    ["report.pdf", "/api/v1/files/f1/content"],
    ["report.pdf", "/api/v1/files/f1/content"],
  ]);
  expect(view.text()).toContain("f2");
});

it("shows the profile of a table with a histogram for each column of numbers", () => {
  const histogram = [
    { lower: 0, upper: 1, count: 3 },
    { lower: 1, upper: 2, count: 9 },
  ];
  const columns = [
    { name: "price", type: "float", nulls: 1, distinct: 12, min: 0, max: 2, mean: 1.25, histogram },
    { name: "city", type: "text", nulls: 0, distinct: 3, min: "Aalen", max: "Ulm", mean: null, histogram: [] },
  ];
  const view = show({ rows: 12, columns });
  expect(view.findAll("svg")).toHaveLength(1);
  expect(view.get("svg").attributes("aria-label")).toBe("Histogram of price: most values from 1 to 2");
  expect(view.text()).toContain("Aalen – Ulm");
});
