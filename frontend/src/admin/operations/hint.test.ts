import { expect, test } from "vitest";

import type { KindOperations } from "@/api/admin";

import golden from "../../../../tests/bff/golden/OperationsV1.json";
import { adviceOf } from "./hint";

const [AGAIN, LOST] = golden.full.kinds as [KindOperations, KindOperations];
const WELL: KindOperations = { ...AGAIN, redelivered: 0, message: null };

test("a kind that goes on well needs no words", () => {
  expect(adviceOf(WELL)).toBeNull();
});

test("a kind without workers says how to start one, also when it is paused", () => {
  expect(adviceOf(LOST)).toMatchObject({ key: "hint_no_workers", command: "headrace worker text_feedback" });
});

test("a paused kind says how it goes on", () => {
  expect(adviceOf({ ...LOST, hint: null })).toMatchObject({ key: "hint_paused", command: "headrace resume text_feedback" });
});

test("tasks that were given again are said in the language of the page, and what only the server knows in its own", () => {
  expect(adviceOf(AGAIN)).toMatchObject({ key: "redelivered", sentence: null });
  expect(adviceOf({ ...WELL, message: "slow: add workers" })).toMatchObject({ key: null, sentence: "slow: add workers" });
});
