import { isObject, listIn, numberIn, objectIn, own, type Schema } from "./json";
import { alternativesOf, constantOf, resolve } from "./resolve";
import { choicesOf, shapeOf } from "./shape";

// Required fields that contain themselves have no end. Nobody can give a value to such a schema, but it can arrive.
const DEPTH_MAX = 8;
const ITEMS_MAX = 100;

/**
 * Return the value that an untouched form has; undefined where only a person can say it.
 *
 * It has the fields that are required, and those with a default that says something: an empty one is what the server takes anyway.
 */
export function initialValue(schema: unknown, root: Schema = isObject(schema) ? schema : {}): unknown {
  return initial(schema, root, 0);
}

function initial(part: unknown, root: Schema, depth: number): unknown {
  const { schema, nullable } = resolve(part, root);
  const written = own(schema, "default");
  if (written !== undefined) return structuredClone(written);
  if (depth > DEPTH_MAX) return nullable ? null : undefined;
  const [constant] = constantOf(schema);
  if (constant !== undefined) return structuredClone(constant);
  if (nullable) return null;
  switch (shapeOf(schema, root)) {
    case "switch":
      return false;
    case "object":
      return initialObject(schema, root, depth);
    case "map":
      return {};
    case "list":
      return initialList(schema, root, depth);
    case "one_of":
      return choicesOf(schema, root) === null ? initial(alternativesOf(schema)?.[0], root, depth + 1) : undefined;
    default:
      return undefined;
  }
}

function initialObject(schema: Schema, root: Schema, depth: number): Record<string, unknown> {
  const required = new Set(listIn(schema, "required") ?? []);
  const fields = Object.entries(objectIn(schema, "properties")).map(([name, part]): [string, unknown] => {
    if (required.has(name)) return [name, initial(part, root, depth + 1)];
    const written = own(resolve(part, root).schema, "default");
    return [name, saysSomething(written) ? structuredClone(written) : undefined];
  });
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}

function initialList(schema: Schema, root: Schema, depth: number): unknown[] {
  const count = Math.min(numberIn(schema, "minItems") ?? 0, ITEMS_MAX);
  return Array.from({ length: count }, () => initial(own(schema, "items"), root, depth + 1) ?? null);
}

function saysSomething(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return false;
  if (Array.isArray(value)) return value.length > 0;
  return !isObject(value) || Object.keys(value).length > 0;
}
