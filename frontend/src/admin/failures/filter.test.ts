import { assert, constantFrom, option, property, record, string, stringMatching } from "fast-check";
import { expect, test } from "vitest";
import { createMemoryHistory, createRouter } from "vue-router";

import { CODES, type FailureFilter, formatFilter, isRestricted, parseFilter, questionOf } from "./filter";

const NONE: FailureFilter = { kind: null, code: null, owner: null, from: null, fingerprint: null };
const NOW = Date.parse("2026-03-02T09:15:42Z");

test("a filter comes back from its address as it was", () => {
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: "/admin/failures", component: {} }] });
  const text = option(string({ minLength: 1, unit: "grapheme" }), { nil: null });
  const filters = record({
    kind: text,
    code: option(constantFrom(...CODES), { nil: null }),
    owner: text,
    from: option(constantFrom("1h" as const, "24h" as const, "7d" as const), { nil: null }),
    fingerprint: option(stringMatching(/^[0-9a-f]{16}$/), { nil: null }),
  });
  assert(
    property(filters, (filter) => {
      const address = router.resolve({ path: "/admin/failures", query: formatFilter(filter) }).fullPath;
      expect(parseFilter(router.resolve(address).query)).toEqual(filter);
    }),
  );
});

test("what cannot be is left out", () => {
  expect(parseFilter({ code: "unheard_of", from: "soon", fingerprint: "no", kind: ["a", "b"] })).toEqual(NONE);
});

test("the question is the same all through an hour", () => {
  const filter: FailureFilter = { ...NONE, from: "24h" };
  expect(questionOf(filter, NOW)).toEqual({ from: "2026-03-01T09:00:00.000Z" });
  expect(questionOf(filter, NOW + 40 * 60_000)).toEqual(questionOf(filter, NOW));
});

test("a chosen group restricts nothing", () => {
  expect(isRestricted({ ...NONE, fingerprint: "8a5c0b7d1f3e2946" })).toBe(false);
  expect(isRestricted({ ...NONE, kind: "table_profile" })).toBe(true);
});
