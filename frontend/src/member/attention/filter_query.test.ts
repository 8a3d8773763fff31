import { expect, test } from "vitest";

import type { FilterView } from "@/api/member";

import { queryOfFilter } from "./filter_query";

const ANY: FilterView = {
  state: [],
  kind: [],
  code: [],
  batch: null,
  schedule: null,
  owner: null,
  fingerprint: null,
  q: null,
  labels: {},
  created_from: null,
  created_before: null,
  finished_from: null,
  finished_before: null,
  slower_than: null,
  waited_longer_than: null,
};

test("a filter that restricts nothing has no query", () => {
  expect(queryOfFilter(ANY)).toEqual({});
});

test("lists are repeated, labels are written as the API reads them, and numbers become words", () => {
  const filter: FilterView = {
    ...ANY,
    state: ["pending", "queued"],
    labels: { customer: "42", term: "a=b" },
    slower_than: 0,
    fingerprint: "8a5c",
  };
  expect(queryOfFilter(filter)).toEqual({
    state: ["pending", "queued"],
    label: ["customer=42", "term=a=b"],
    slower_than: "0",
    fingerprint: "8a5c",
  });
});
