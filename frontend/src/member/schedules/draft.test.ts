import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { ScheduleDefinition } from "@/api/core";
import { errorsAt } from "@/api/errors";

import { definitionOf, draftOf, faultsOf, newDraft } from "./draft";
import { EVERY_MAX, intervalOf, secondsOf } from "./interval";
import { keepPrefill, takePrefill } from "./prefill";

const saved: ScheduleDefinition = {
  kind: "table_profile",
  input: { url: "https://example.com/table.csv" },
  cron: "0 30 9 * * 1-5",
  time_zone: "Europe/Berlin",
  every: null,
  start_at: null,
  end_at: null,
  missed: "catch_up_once",
  paused: true,
  priority: "low",
  expires_in: 60,
  max_attempts: 3,
  name: "Every working day",
  labels: { customer: "42" },
};

describe("the form of a schedule", () => {
  it("sends back what it did not change, also what it does not show", () => {
    expect(definitionOf(draftOf(saved))).toEqual(saved);
  });

  it("sends the interval and no expression once that is chosen", () => {
    const draft = { ...draftOf(saved), by: "every" as const, every: { amount: 15, unit: "minutes" as const } };
    expect(definitionOf(draft)).toMatchObject({ cron: null, every: 900 });
  });

  it("keeps the zone of an interval out, which has none", () => {
    expect(definitionOf({ ...newDraft("a", {}, "Europe/Berlin"), by: "every" })).not.toHaveProperty("time_zone");
  });

  it("sends no name when only blanks were typed", () => {
    expect(definitionOf({ ...draftOf(saved), name: "  " }).name).toBeNull();
  });

  it("says which field is to be changed before it is sent", () => {
    const draft = newDraft("", {}, "UTC");
    expect([...faultsOf(draft)]).toEqual([["kind", "kind_missing"]]);
    expect(faultsOf({ ...draft, cron: "0 9 * * 1-5" }).get("cron")).toBe("cron_fields");
    expect(faultsOf({ ...draft, cron: "0 ".repeat(60) }).get("cron")).toBe("cron_long");
    expect(faultsOf({ ...draft, by: "every", every: { amount: Number.NaN, unit: "days" } }).get("every")).toBe("every_range");
    expect(faultsOf({ ...draft, by: "every", every: { amount: 367, unit: "days" } }).get("every")).toBe("every_range");
    const backwards = { ...draft, start_at: "2026-03-02T09:00:00Z", end_at: "2026-03-01T09:00:00Z" };
    expect(faultsOf(backwards).get("end_at")).toBe("ends_before_start");
  });

  it("finds the messages of the server about the input, relative to it", () => {
    const errors = [
      { path: "/input/text", message: "is missing" },
      { path: "/input", message: "is no object" },
      { path: "/inputs", message: "is unknown" },
      { path: "/cron", message: "six fields are needed" },
    ];
    expect(errorsAt(errors, "input")).toEqual([
      { path: "/text", message: "is missing" },
      { path: "", message: "is no object" },
    ]);
  });
});

describe("an interval", () => {
  it("is the same seconds in whatever unit it is shown", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: EVERY_MAX }), (seconds) => {
        expect(secondsOf(intervalOf(seconds))).toBe(seconds);
      }),
    );
  });

  it("is shown in the greatest unit that divides it", () => {
    expect(intervalOf(7_200)).toEqual({ amount: 2, unit: "hours" });
    expect(intervalOf(90)).toEqual({ amount: 90, unit: "seconds" });
  });
});

describe("what another form passes on", () => {
  it("is there once, and for its kind alone", () => {
    keepPrefill({ kind: "text_feedback", input: { text: "essay" } });
    expect(takePrefill("table_profile")).toBeNull();
    expect(takePrefill("text_feedback")).toEqual({ kind: "text_feedback", input: { text: "essay" } });
    expect(takePrefill("text_feedback")).toBeNull();
  });
});
