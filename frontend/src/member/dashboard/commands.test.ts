import { expect, test } from "vitest";

import { batchCommand, curlCommand, kindToTry, submitCommand } from "./commands";
import { inputToTry } from "./input_to_try";

const URL = "https://work.example.com";

test("an input with a quote arrives as it is", () => {
  expect(submitCommand("text_feedback", { text: "it's" }, URL)).toBe(
    `headrace submit text_feedback --url https://work.example.com \\\n  --input '{"text":"it'\\''s"}' --follow`,
  );
});

test("a request has the kind, the input and one's own address", () => {
  expect(curlCommand("text_feedback", { text: "a" }, URL)).toContain(
    `'{"kind":"text_feedback","input":{"text":"a"}}' \\\n  ${URL}/api/v1/tasks`,
  );
});

test("a batch is of a kind that is there", () => {
  expect(batchCommand(["table_profile", "text_feedback"], URL)).toContain("headrace batch text_feedback");
  expect(batchCommand(["resize"], URL)).toContain("headrace batch resize");
  expect(batchCommand([], URL)).toBeNull();
});

test("what can run now and is known is tried first", () => {
  const kind = (name: string, has_workers: boolean) => ({ name, title: name, has_workers, paused: false });
  expect(kindToTry([kind("resize", true), kind("table_profile", true), kind("text_feedback", false)])).toBe("table_profile");
  expect(kindToTry([kind("other", false), kind("resize", true)])).toBe("resize");
  expect(kindToTry([kind("other", false)])).toBe("other");
  expect(kindToTry([])).toBeNull();
});

test("an example that the kind would refuse is not shown", () => {
  const schema = { type: "object", properties: { csv: { type: "string" } }, required: ["csv"] };
  expect(inputToTry("resize", schema, { csv: "a" })).toEqual({ csv: "a" });
  expect(inputToTry("table_profile", schema, {})).toHaveProperty("csv");
});
