import * as fc from "fast-check";

import { equals } from "../json";

/** A part of a schema, and a value that it allows; undefined where the field is left out. */
export interface Filled {
  schema: Record<string, unknown>;
  value: unknown;
}

// A line: a control for a line drops line breaks, as it should.
const line = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" }).filter((text) => !/[\r\n]/u.test(text));
const text: fc.Arbitrary<Filled> = line.map((value) => ({ schema: { type: "string", minLength: 1, maxLength: 200 }, value }));
const long_text: fc.Arbitrary<Filled> = line.map((value) => ({ schema: { type: "string" }, value }));
const whole: fc.Arbitrary<Filled> = fc
  .integer({ min: -9, max: 9_999 })
  .map((value) => ({ schema: { type: "integer", minimum: -9, maximum: 9_999 }, value }));
const number: fc.Arbitrary<Filled> = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .map((value) => ({ schema: { type: "number" }, value: Object.is(value, -0) ? 0 : value }));
const bool: fc.Arbitrary<Filled> = fc.boolean().map((value) => ({ schema: { type: "boolean" }, value }));
const choice: fc.Arbitrary<Filled> = fc
  .uniqueArray(fc.oneof(fc.string({ minLength: 1 }), fc.integer()), { minLength: 2, maxLength: 12, comparator: equals })
  .chain((values) => fc.constantFrom(...values).map((value) => ({ schema: { enum: values }, value })));
const simple = fc.oneof(text, long_text, whole, number, bool, choice);
const list: fc.Arbitrary<Filled> = simple.chain((item) =>
  fc
    .integer({ min: 0, max: 3 })
    .map((count) => ({ schema: { type: "array", items: item.schema }, value: Array.from({ length: count }, () => item.value) })),
);
const names = fc.oneof(fc.stringMatching(/^[a-z_]{1,8}$/u), fc.constantFrom("__proto__", "constructor", "a/b", "ä~ö", "toString"));

/** Objects with required and optional fields of all shapes, three deep, and a value for each. */
export const filled: fc.Arbitrary<Filled> = fc.letrec<{ part: Filled; object: Filled }>((tie) => ({
  part: fc.oneof({ maxDepth: 2, withCrossShrink: true }, simple, list, tie("object")),
  object: fc
    .array(fc.record({ name: names, part: tie("part"), required: fc.boolean(), given: fc.boolean() }), { maxLength: 4 })
    .map((fields) => {
      const unique = fields.filter((field, index) => fields.findIndex((each) => each.name === field.name) === index);
      return {
        schema: {
          type: "object",
          properties: Object.fromEntries(unique.map((field) => [field.name, field.part.schema])),
          required: unique.filter((field) => field.required).map((field) => field.name),
          // Without a field it would be any object, which is given as JSON.
          ...(unique.length === 0 ? { properties: { only: { const: 1 } } } : {}),
        },
        value: Object.fromEntries(unique.filter((field) => field.required || field.given).map((field) => [field.name, field.part.value])),
      };
    }),
})).object;
