import { expect, test } from "vitest";

import { batchCommand, curlCommand, submitCommand } from "./commands";

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
