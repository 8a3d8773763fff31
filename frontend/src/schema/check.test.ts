import { describe, expect, it } from "vitest";

import { checkValue } from "./check";
import { initialValue } from "./initial";
import { errorsBelow } from "./rules";
import kinds from "./testing/kinds.json";
import { SCHEMAS } from "./testing/schemas";

const rulesOf = (schema: unknown, value: unknown): string[] =>
  checkValue(schema, value).map((error) => `${error.path} ${error.rule ?? ""}`);
const field = (part: unknown): object => ({ type: "object", properties: { x: part }, required: ["x"] });

describe("checking a value", () => {
  it.each(SCHEMAS)("finds nothing wrong with a value that is allowed: $name", ({ schema, value }) => {
    expect(checkValue(schema, value)).toEqual([]);
  });

  it.each(SCHEMAS)("finds nothing but gaps in what an untouched form has: $name", ({ schema }) => {
    const value = initialValue(schema);
    const gaps = new Set(["required", "too_few", "not_null", "type_number", "type_integer", "type_string"]);
    expect(checkValue(schema, value).filter((error) => !gaps.has(error.rule ?? ""))).toEqual([]);
  });

  it("knows the schemas of real kinds", () => {
    const { text_feedback, table_profile } = kinds;
    expect(rulesOf(text_feedback.input_schema, initialValue(text_feedback.input_schema))).toEqual([]);
    expect(rulesOf(text_feedback.input_schema, { text: "Good.", language: "en" })).toEqual([]);
    expect(rulesOf(text_feedback.input_schema, { text: 5, language: "xx", more: 1 })).toEqual([
      "/text type_string",
      "/language choice",
      "/more unknown",
    ]);
    expect(rulesOf(table_profile.input_schema, { csv: "x".repeat(5_000_001) })).toEqual(["/csv too_long"]);
  });

  it.each([
    [{ type: "integer" }, 1.5, "type_integer"],
    [{ type: "integer" }, null, "not_null"],
    [{ type: "integer", minimum: 3 }, 2, "too_small"],
    [{ type: "number", exclusiveMaximum: 3 }, 3, "not_below"],
    [{ type: "number", multipleOf: 0.1 }, 0.35, "multiple"],
    [{ type: "string", maxLength: 2 }, "abc", "too_long"],
    [{ type: "string", pattern: "^a" }, "b", "pattern"],
    [{ type: "string", format: "date-time" }, "2026-03-01T09:30:00", "format_date_time"],
    [{ type: "string", format: "date" }, "2026-13-01", "format_date"],
    [{ type: "array", items: {}, maxItems: 1 }, [1, 2], "too_many"],
    [
      { type: "array", uniqueItems: true },
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
      "repeated",
    ],
    [{ const: 1 }, 2, "choice"],
    [{ type: "object", additionalProperties: {}, maxProperties: 0 }, { a: 1 }, "too_many_fields"],
  ])("names the rule that %j breaks for %j", (part, value, rule) => {
    expect(rulesOf(field(part), { x: value })).toEqual([`/x ${rule}`]);
  });

  it("counts characters as people do, not halves of them", () => {
    expect(rulesOf(field({ type: "string", maxLength: 2 }), { x: "😀😀" })).toEqual([]);
    expect(rulesOf(field({ type: "string", minLength: 3 }), { x: "😀😀" })).toEqual(["/x too_short"]);
  });

  it("says of a member of a union what is wrong inside it", () => {
    const { schema } = SCHEMAS.find((each) => each.name === "a union with a tag")!;
    expect(rulesOf(schema, { form: { shape: "circle", radius: -1 } })).toEqual(["/form/radius not_above"]);
    expect(rulesOf(schema, { form: { shape: "heart" } })).toEqual(["/form/shape choice"]);
  });

  it("leaves to the server a pattern that could take forever, and one that only Python can read", () => {
    expect(rulesOf(field({ type: "string", pattern: "^(a+)+$" }), { x: `${"a".repeat(40)}!` })).toEqual([]);
    expect(rulesOf(field({ type: "string", pattern: "(?P<x>a)" }), { x: "b" })).toEqual([]);
  });

  it("ends with a value that is deeper or larger than anybody would check", () => {
    let deep: unknown = "end";
    for (let level = 0; level < 500; level++) deep = { name: "x", below: [deep] };
    const { schema } = SCHEMAS.find((each) => each.name === "a type that contains itself")!;
    expect(rulesOf(schema, deep).length).toBeGreaterThan(0);
    const many = Array.from({ length: 200_000 }, () => "x");
    expect(checkValue({ type: "array", items: { type: "integer" } }, many)).toHaveLength(50);
  });

  it("treats keys that every object has like any other", () => {
    const { schema } = SCHEMAS.find((each) => each.name === "keys that every object has")!;
    expect(rulesOf(schema, {})).toEqual(["/__proto__ required", "/constructor required", "/toString required"]);
    expect(rulesOf({ type: "object", additionalProperties: false }, JSON.parse('{"__proto__": 1, "constructor": 2}'))).toEqual([
      "/__proto__ unknown",
      "/constructor unknown",
    ]);
  });
});

it("finds the server's errors about the input, and no others", () => {
  const errors = [
    { path: "/input/text", message: "too long" },
    { path: "/inputs", message: "no" },
    { path: "/input", message: "whole" },
    { path: "/priority", message: "no" },
  ];
  expect(errorsBelow("/input", errors)).toEqual([
    { path: "/text", message: "too long" },
    { path: "", message: "whole" },
  ]);
});
