import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { initialValue } from "./initial";
import { equals, inOrderOf, keysOf, pointer, withField } from "./json";
import { descriptionOf, inWords, labelOf } from "./label";
import { resolve } from "./resolve";
import { shapeOf, type Shape } from "./shape";
import kinds from "./testing/kinds.json";
import { SCHEMAS } from "./testing/schemas";

const shape = (part: unknown): Shape => shapeOf(resolve(part, {}).schema, {});

describe("the shape of a field", () => {
  it.each<[unknown, Shape]>([
    [{ type: "string", maxLength: 200 }, "text"],
    [{ type: "string", maxLength: 201 }, "textarea"],
    [{ type: "string" }, "textarea"],
    [{ type: "string", "x-title": true }, "text"],
    [{ type: "string", format: "date-time" }, "date_time"],
    [{ type: "integer" }, "number"],
    [{ anyOf: [{ type: "number" }, { type: "null" }] }, "number"],
    [{ enum: ["a", "b"] }, "choice"],
    [
      {
        oneOf: [
          { const: 1, title: "One" },
          { const: 2, title: "Two" },
        ],
      },
      "choice",
    ],
    [{ enum: ["a"] }, "constant"],
    [{ type: "array", items: { type: "string" } }, "list"],
    [{ type: "array" }, "json"],
    [{ type: "object", additionalProperties: { type: "string" } }, "map"],
    [{ type: "object" }, "json"],
    [{ anyOf: [{ type: "string" }, { type: "integer" }] }, "one_of"],
    [{ "x-file": true, type: "string" }, "file"],
    [true, "json"],
  ])("of %j is %s", (part, expected) => {
    expect(shape(part)).toBe(expected);
  });

  it.each(SCHEMAS)("is found for every schema: $name", ({ schema }) => {
    expect(shapeOf(resolve(schema, schema).schema, schema)).toBeTypeOf("string");
  });
});

describe("what a form starts with", () => {
  it("has what is required, and what a default says", () => {
    expect(initialValue(kinds.text_feedback.input_schema)).toEqual({ language: "en" });
    expect(initialValue(SCHEMAS.find((each) => each.name === "a union with a tag")!.schema)).toEqual({ form: { shape: "circle" } });
  });

  it("ends where required fields contain themselves", () => {
    const schema = { type: "object", properties: { again: { $ref: "#" } }, required: ["again"] };
    expect(JSON.stringify(initialValue(schema)).length).toBeLessThan(1_000);
  });

  it("is a copy of the default, which nobody can change through it", () => {
    const schema = { type: "array", items: { type: "string" }, default: ["a"] };
    (initialValue(schema) as string[]).push("b");
    expect(initialValue(schema)).toEqual(["a"]);
  });
});

describe("labels", () => {
  it("are names in words", () => {
    expect(["csv", "max_rows", "maxRows", "user_id", "ÜberSicht", "_", "a-b"].map(inWords)).toEqual([
      "CSV",
      "Max rows",
      "Max rows",
      "User ID",
      "Über sicht",
      "_",
      "A b",
    ]);
  });

  it("are titles, but not the names of types", () => {
    const root = { $defs: { Point: { title: "Point", type: "object" } } };
    const typed = { $ref: "#/$defs/Point" };
    expect(labelOf(typed, resolve(typed, root), "from_here")).toBe("From here");
    const titled = { title: "Where from", $ref: "#/$defs/Point" };
    expect(labelOf(titled, resolve(titled, root), "from_here")).toBe("Where from");
  });

  it("come with descriptions that have lost the indentation of code", () => {
    expect(descriptionOf({ description: "One.\n\n    ``two`` lines\n    long." })).toBe("One. two lines long.");
  });
});

describe("JSON", () => {
  it("finds any key again that a pointer was made of", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (keys) => {
        expect(keysOf(keys.reduce(pointer, ""))).toEqual(keys);
      }),
    );
  });

  it("sets and removes any key, and changes nothing that objects inherit", () => {
    const keys = fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "hasOwnProperty"));
    fc.assert(
      fc.property(fc.dictionary(keys, fc.integer()), keys, fc.integer(), (object, key, value) => {
        const changed = withField(object, key, value);
        expect(Object.getOwnPropertyDescriptor(changed, key)?.value).toBe(value);
        expect(Object.getPrototypeOf(changed)).toBe(Object.prototype);
        const removed = withField(changed, key, undefined);
        expect(Object.hasOwn(removed, key)).toBe(false);
        expect(equals(withField(removed, key, value), changed)).toBe(true);
      }),
    );
  });

  it("has the order of the names, and loses nothing", () => {
    const keys = fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "a", "b", "c"));
    fc.assert(
      fc.property(fc.dictionary(keys, fc.integer()), fc.uniqueArray(keys), (object, names) => {
        const ordered = inOrderOf(names, object);
        expect(equals(ordered, object)).toBe(true);
        expect(Object.getPrototypeOf(ordered)).toBe(Object.prototype);
      }),
    );
    expect(Object.keys(inOrderOf(["source", "name", "size"], { other: 1, name: "a", source: "f" }))).toEqual(["source", "name", "other"]);
  });

  it("is equal to its copy", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, two) => {
        expect(equals(one, JSON.parse(JSON.stringify(one)))).toBe(true);
        expect(equals(one, two)).toBe(equals(two, one));
      }),
    );
  });
});
