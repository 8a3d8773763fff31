import { assert, boolean, constantFrom, property, uniqueArray } from "fast-check";
import { expect, test } from "vitest";

import type { FailureGroup } from "@/api/admin";

import { countFresh, keepPlaces } from "./steady";

function group(fingerprint: string, count = 1): FailureGroup {
  return {
    fingerprint,
    kind: "table_profile",
    code: "raised",
    message: "ValueError",
    count,
    first_at: "2026-03-02T04:15:00Z",
    last_at: "2026-03-02T09:13:00Z",
    newest: "01980f70-0000-7000-8000-0000000fa11d",
    owners: 1,
    per_hour: [],
  };
}

test("a group that failed again keeps its place, and shows its new count", () => {
  const shown = keepPlaces([group("a"), group("b")], [group("b", 5), group("a")], true);
  expect(shown.map((each) => [each.fingerprint, each.count])).toEqual([
    ["a", 1],
    ["b", 5],
  ]);
});

test("a new kind of failure is counted, and does not push the others down", () => {
  const now = [group("new"), group("a")];
  expect(keepPlaces([group("a")], now, true).map((each) => each.fingerprint)).toEqual(["a"]);
  expect(countFresh([group("a")], now)).toBe(1);
});

test("a group whose tasks were all run again stays with none", () => {
  expect(keepPlaces([group("a", 3)], [], true)[0]?.count).toBe(0);
});

test("a group that newer ones have pushed off the first page keeps its count", () => {
  expect(keepPlaces([group("a", 3)], [group("b")], false)[0]?.count).toBe(3);
});

test("whatever comes, the places stay the same", () => {
  const names = uniqueArray(constantFrom("a", "b", "c", "d", "e"));
  assert(
    property(names, names, boolean(), (first, second, is_all) => {
      const before = first.map((name) => group(name));
      const now = second.map((name) => group(name, 2));
      expect(keepPlaces(before, now, is_all).map((each) => each.fingerprint)).toEqual(first);
      expect(countFresh(before, now)).toBe(second.filter((name) => !first.includes(name)).length);
    }),
  );
});
