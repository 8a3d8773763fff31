import { array, assert, nat, property } from "fast-check";
import { expect, test } from "vitest";

import type { KindOperations } from "@/api/admin";

import golden from "../../../../tests/bff/golden/OperationsV1.json";
import { addMoment, momentOf, MOMENTS_MAX, type Moment } from "./history";

test("the kinds are added up", () => {
  expect(momentOf(golden.full.kinds as KindOperations[], 4_500)).toEqual({
    at: 4_000,
    waiting: 37,
    running: 3,
    kinds: { table_profile: { waiting: 37, running: 3 }, text_feedback: { waiting: 0, running: 0 } },
  });
});

test("moments are in order, each once, and never more than there is room for", () => {
  assert(
    property(array(nat(1000), { maxLength: 700 }), (times) => {
      let moments: readonly Moment[] = [];
      for (const at of times) moments = addMoment(moments, { at, waiting: 0, running: 0, kinds: {} });
      expect(moments.length).toBeLessThanOrEqual(MOMENTS_MAX);
      expect(moments.every((moment, index) => index === 0 || moment.at > (moments[index - 1]?.at ?? 0))).toBe(true);
    }),
  );
});
