/** Schemas that kinds may announce, each with a value that it allows. Most are as msgspec writes them for a type of Python. */
export interface Example {
  name: string;
  schema: Record<string, unknown>;
  value: unknown;
}

const point = { title: "Point", type: "object", properties: { x: { type: "number" }, y: { type: "number" } }, required: ["x", "y"] };
const circle = {
  title: "Circle",
  type: "object",
  properties: { shape: { enum: ["circle"] }, radius: { type: "number", exclusiveMinimum: 0 } },
  required: ["shape", "radius"],
};
const square = {
  title: "Square",
  type: "object",
  properties: { shape: { enum: ["square"] }, side: { type: "number" } },
  required: ["shape", "side"],
};
const tree = {
  title: "Tree",
  type: "object",
  properties: { name: { type: "string" }, below: { type: "array", items: { $ref: "#/$defs/Tree" }, default: [] } },
  required: ["name"],
};

export const SCHEMAS: readonly Example[] = [
  { name: "nothing at all", schema: {}, value: { any: ["thing"] } },
  { name: "no fields", schema: { type: "object", properties: {}, additionalProperties: false }, value: {} },
  { name: "any object", schema: { type: "object" }, value: { a: 1 } },
  { name: "a line", schema: of({ line: { type: "string", maxLength: 80, minLength: 1 } }, ["line"]), value: { line: "x" } },
  { name: "a text", schema: of({ text: { type: "string" } }, ["text"]), value: { text: "a\nb" } },
  { name: "a title", schema: of({ title: { type: "string", "x-title": true, default: "" } }), value: { title: "T" } },
  { name: "a pattern of Python", schema: of({ code: { type: "string", pattern: "^[a-z]+$(?!\\n)" } }, ["code"]), value: { code: "abc" } },
  { name: "a whole number", schema: of({ n: { type: "integer", minimum: 1, maximum: 9 } }, ["n"]), value: { n: 3 } },
  { name: "a number", schema: of({ n: { type: "number", exclusiveMinimum: 0, multipleOf: 0.1 } }, ["n"]), value: { n: 0.3 } },
  { name: "yes or no", schema: of({ yes: { type: "boolean", default: true } }), value: { yes: false } },
  { name: "few values without a type", schema: of({ way: { enum: ["a", "b", "c"], default: "b" } }), value: { way: "c" } },
  { name: "numbers to choose from", schema: of({ n: { enum: [1, 2, 3, 5, 8, 13] } }, ["n"]), value: { n: 8 } },
  { name: "values with null", schema: of({ way: { enum: ["a", null] } }, ["way"]), value: { way: null } },
  { name: "one value", schema: of({ version: { const: 2 } }, ["version"]), value: { version: 2 } },
  { name: "a number or null", schema: of({ n: { anyOf: [{ type: "integer" }, { type: "null" }], default: null } }), value: { n: null } },
  { name: "types in a list", schema: of({ n: { type: ["integer", "null"] } }, ["n"]), value: { n: 7 } },
  { name: "text or number", schema: of({ id: { anyOf: [{ type: "integer" }, { type: "string" }] } }, ["id"]), value: { id: "x" } },
  {
    name: "a time with a zone",
    schema: of({ at: { type: "string", format: "date-time" } }, ["at"]),
    value: { at: "2026-03-01T09:30:00Z" },
  },
  { name: "a date", schema: of({ on: { type: "string", format: "date" } }, ["on"]), value: { on: "2026-03-01" } },
  { name: "a time of day", schema: of({ at: { type: "string", format: "time" } }, ["at"]), value: { at: "09:30:00" } },
  { name: "a uuid", schema: of({ id: { type: "string", format: "uuid" } }, ["id"]), value: { id: "01980f70-0000-7000-8000-000000000001" } },
  { name: "bytes", schema: of({ data: { type: "string", contentEncoding: "base64" } }, ["data"]), value: { data: "AAEC" } },
  {
    name: "lines",
    schema: of({ lines: { type: "array", items: { type: "string" }, minItems: 1, maxItems: 5 } }, ["lines"]),
    value: { lines: ["a", "b"] },
  },
  {
    name: "a set",
    schema: of({ tags: { type: "array", items: { type: "string" }, uniqueItems: true } }, ["tags"]),
    value: { tags: ["a", "b"] },
  },
  { name: "a list of anything", schema: of({ list: { type: "array" } }, ["list"]), value: { list: [1, "a", null] } },
  {
    name: "a pair",
    schema: of(
      { pair: { type: "array", minItems: 2, maxItems: 2, items: false, prefixItems: [{ type: "string" }, { type: "integer" }] } },
      ["pair"],
    ),
    value: { pair: ["a", 1] },
  },
  {
    name: "points",
    schema: { ...of({ points: { type: "array", items: { $ref: "#/$defs/Point" } } }, ["points"]), $defs: { Point: point } },
    value: { points: [{ x: 1, y: 2 }] },
  },
  {
    name: "an object within",
    schema: {
      $ref: "#/$defs/Line",
      $defs: {
        Point: point,
        Line: of({ from: { $ref: "#/$defs/Point" }, to: { anyOf: [{ $ref: "#/$defs/Point" }, { type: "null" }], default: null } }, [
          "from",
        ]),
      },
    },
    value: { from: { x: 0, y: 0 }, to: null },
  },
  {
    name: "a map",
    schema: of(
      { weights: { type: "object", additionalProperties: { type: "number" }, propertyNames: { pattern: "^[a-z]+$" }, maxProperties: 3 } },
      ["weights"],
    ),
    value: { weights: { a: 1 } },
  },
  {
    name: "a union with a tag",
    schema: {
      ...of(
        {
          form: {
            anyOf: [{ $ref: "#/$defs/Circle" }, { $ref: "#/$defs/Square" }],
            discriminator: { propertyName: "shape", mapping: { circle: "#/$defs/Circle", square: "#/$defs/Square" } },
          },
        },
        ["form"],
      ),
      $defs: { Circle: circle, Square: square },
    },
    value: { form: { shape: "square", side: 2 } },
  },
  {
    name: "a union without a tag",
    schema: of({ size: { oneOf: [{ type: "integer" }, point] } }, ["size"]),
    value: { size: { x: 1, y: 1 } },
  },
  {
    name: "a type that contains itself",
    schema: { $ref: "#/$defs/Tree", $defs: { Tree: tree } },
    value: { name: "a", below: [{ name: "b", below: [] }] },
  },
  { name: "a reference to itself", schema: { $ref: "#" }, value: 1 },
  {
    name: "references in a circle",
    schema: { $ref: "#/$defs/A", $defs: { A: { $ref: "#/$defs/B" }, B: { $ref: "#/$defs/A" } } },
    value: "x",
  },
  { name: "a reference to nowhere", schema: of({ x: { $ref: "#/$defs/Nobody" } }, ["x"]), value: { x: { y: 1 } } },
  { name: "a reference to elsewhere", schema: of({ x: { $ref: "https://example.org/schema" } }, ["x"]), value: { x: 1 } },
  {
    name: "keys that every object has",
    schema: JSON.parse(
      '{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{"type":"integer"},"toString":{"type":"boolean"}},"required":["__proto__","constructor","toString"]}',
    ) as Record<string, unknown>,
    value: JSON.parse('{"__proto__":"a","constructor":1,"toString":true}'),
  },
  {
    name: "keys with slashes and tildes",
    schema: of({ "a/b~c": { type: "integer" }, "": { type: "integer" } }, ["a/b~c", ""]),
    value: { "a/b~c": 1, "": 2 },
  },
  {
    name: "all of one",
    schema: of({ x: { allOf: [{ type: "integer", minimum: 2 }], description: "two or more" } }, ["x"]),
    value: { x: 2 },
  },
  { name: "all of several", schema: of({ x: { allOf: [{ type: "integer" }, { minimum: 2 }] } }, ["x"]), value: { x: 2 } },
  {
    name: "a condition",
    schema: { ...of({ a: { type: "integer" } }, ["a"]), if: { properties: { a: { const: 1 } } }, else: { required: ["a"] } },
    value: { a: 2 },
  },
  { name: "true as a part", schema: of({ x: true as unknown as object }, ["x"]), value: { x: [1] } },
  {
    name: "keywords that make no sense",
    schema: { type: 7, properties: ["x"], required: "all", enum: "none", anyOf: {} },
    value: { x: 1 },
  },
];

function of(properties: Record<string, object>, required: string[] = []): Record<string, unknown> {
  return { type: "object", properties, required };
}
