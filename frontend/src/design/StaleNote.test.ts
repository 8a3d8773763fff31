import { mount } from "@vue/test-utils";
import { Quasar } from "quasar";
import { describe, expect, it } from "vitest";

import type { Stale } from "@/api/member";
import { i18n } from "@/i18n";

import StaleNote from "./StaleNote.vue";

function linesOf(stale: Stale[], part: string | string[]): string[] {
  const note = mount(StaleNote, { props: { stale, part }, global: { plugins: [Quasar, i18n] } });
  return note.findAll("[role=status]").map((line) => line.get("span").text());
}

const away = (part: string): Stale => ({ part, since: null, error_code: "part_timeout", message: "nobody answers" });

describe("a note", () => {
  it("is one line for all parts that fail for the same reason", () => {
    expect(linesOf([away("items"), away("matched"), away("facets")], ["items", "matched", "facets"])).toHaveLength(1);
  });

  it("is a line each for different reasons", () => {
    expect(linesOf([away("items"), { ...away("matched"), message: "too slow" }], ["items", "matched"])).toHaveLength(2);
  });

  it("is not there for parts that are as they are now", () => {
    expect(linesOf([away("items")], "item")).toEqual([]);
    expect(linesOf([away("items")], ["matched"])).toEqual([]);
  });
});
