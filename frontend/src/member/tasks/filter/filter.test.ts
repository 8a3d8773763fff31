import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryHistory, createRouter, type LocationQuery } from "vue-router";

import type { TaskRow } from "@/api/member";

import golden from "../../../../../tests/bff/golden/TasksV1.json";
import {
  anyTask,
  CODES,
  formatFilter,
  ORDERS,
  parseFilter,
  queryOf,
  restrictions,
  selectOf,
  selects,
  STATES,
  type TaskFilter,
  without,
} from "./filter";

const text = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" });
const maybe = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(values, { nil: null });
const instant = fc
  .date({ min: new Date("2020-01-01"), max: new Date("2030-01-01"), noInvalidDate: true })
  .map((date) => date.toISOString());
const labelKey = fc.stringMatching(/^[a-z][a-z0-9_.-]{0,10}$/).filter((key) => key !== "__proto__");
const seconds = fc.double({ min: 0, max: 1e9, noNaN: true }).map(Math.abs);
const filters: fc.Arbitrary<TaskFilter> = fc.record({
  state: fc.subarray([...STATES]),
  kind: fc.uniqueArray(text, { maxLength: 10 }),
  code: fc.subarray([...CODES]),
  batch: maybe(text),
  schedule: maybe(text),
  owner: maybe(text),
  fingerprint: maybe(text),
  q: maybe(text),
  labels: fc.dictionary(labelKey, text, { maxKeys: 3, noNullPrototype: true }),
  created_from: maybe(instant),
  created_before: maybe(instant),
  finished_from: maybe(instant),
  finished_before: maybe(instant),
  slower_than: maybe(seconds),
  waited_longer_than: maybe(seconds),
  sort: fc.constantFrom(...ORDERS),
});
const row = golden.full.items[0] as TaskRow;

describe("the filter of tasks in the address", () => {
  it("comes back as it was written, through the address itself", () => {
    const router = createRouter({ history: createMemoryHistory(), routes: [{ path: "/tasks", component: {} }] });
    fc.assert(
      fc.property(filters, (filter) => {
        const address = router.resolve({ path: "/tasks", query: formatFilter(filter) }).fullPath;
        expect(parseFilter(router.resolve(address).query)).toEqual(filter);
      }),
    );
  });

  it("is the bare address when nothing restricts the tasks", () => {
    expect(formatFilter(anyTask())).toEqual({});
  });

  it("leaves out what cannot be", () => {
    const query: LocationQuery = { state: ["gone", "failed"], created_from: "soon", slower_than: "-1", sort: "best", label: "nothing" };
    expect(parseFilter(query)).toEqual({ ...anyTask(), state: ["failed"] });
  });

  it("asks the API with the fields that restrict the tasks, and no others", () => {
    const filter = { ...anyTask(), state: ["failed" as const], labels: { customer: "42" }, slower_than: 0 };
    expect(queryOf(filter)).toEqual({ sort: "newest", state: ["failed"], label: ["customer=42"], slower_than: 0 });
  });

  it("names the same tasks in a bulk action", () => {
    expect(selectOf({ ...anyTask(), state: ["failed"], q: "invoice" })).toEqual({ state: ["failed"], q: "invoice" });
    expect(restrictions({ ...anyTask(), sort: "longest_run" } as TaskFilter)).toEqual([]);
  });

  it("can be widened field by field until it restricts nothing", () => {
    fc.assert(
      fc.property(filters, (filter) => {
        expect(restrictions(without(filter, ...restrictions(filter)))).toEqual([]);
      }),
    );
  });
});

describe("whether a filter selects a row", () => {
  it("is true for every row when nothing restricts the tasks", () => {
    expect(selects(anyTask(), row)).toBe(true);
  });

  it("is decided by the state, the kind, the labels, the batch and the words of the title", () => {
    const given = { ...anyTask(), state: ["running" as const], kind: ["table_profile"], labels: { customer: "42" }, q: "Example tabl" };
    expect(selects({ ...given, batch: row.batch?.id ?? "" }, row)).toBe(true);
    expect(selects({ ...given, state: ["failed"] }, row)).toBe(false);
    expect(selects({ ...given, labels: { customer: "43" } }, row)).toBe(false);
    expect(selects({ ...given, q: "another" }, row)).toBe(false);
  });

  it("finds a task by the last 12 characters of its id", () => {
    expect(selects({ ...anyTask(), q: row.id.slice(-12) }, row)).toBe(true);
  });

  it("takes only tasks that have ended for slow ones", () => {
    expect(selects({ ...anyTask(), slower_than: 5 }, row)).toBe(false);
    expect(selects({ ...anyTask(), slower_than: 5 }, { ...row, state: "succeeded", run_seconds: 9 })).toBe(true);
  });
});
