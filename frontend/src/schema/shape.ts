import { isObject, listIn, numberIn, objectIn, own, textIn, type Schema } from "./json";
import { alternativesOf, constantOf, resolve } from "./resolve";

/** What a field looks like. `json` takes whatever the others cannot, so that every schema can be filled in. */
export type Shape =
  | "constant"
  | "choice"
  | "text"
  | "textarea"
  | "number"
  | "switch"
  | "date_time"
  | "date"
  | "file"
  | "list"
  | "object"
  | "map"
  | "one_of"
  | "json";

// Text that may be longer than this gets several lines.
const LINE_CHARS_MAX = 200;
// More than these would be no help to anybody, and each costs time to draw.
const ALTERNATIVES_MAX = 20;
const CHOICES_MAX = 1_000;
const PROPERTIES_MAX = 200;
/** Fields that lie deeper than this are given as JSON. */
export const DEPTH_MAX = 6;
/** A list or map with more items than this is given as JSON. */
export const ITEMS_MAX = 100;

/** Return the shape of a resolved schema. */
export function shapeOf(schema: Schema, root: Schema): Shape {
  if (own(schema, "x-file") === true) return "file";
  if (constantOf(schema).length === 1) return "constant";
  if (listIn(schema, "enum") !== null || alternativesOf(schema) !== null) {
    if (choicesOf(schema, root) !== null) return "choice";
    const count = alternativesOf(schema)?.length ?? 0;
    return count > 0 && count <= ALTERNATIVES_MAX ? "one_of" : "json";
  }
  switch (typeOf(schema)) {
    case "string":
      return textShape(schema);
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "switch";
    case "array":
      return isObject(own(schema, "items")) && listIn(schema, "prefixItems") === null ? "list" : "json";
    case "object":
      return objectShape(schema);
    default:
      return "json";
  }
}

/** Return the type that a resolved schema names, or that its keywords are about; null when it allows several. */
export function typeOf(schema: Schema): string | null {
  const type = own(schema, "type");
  if (typeof type === "string") return type;
  if (isObject(own(schema, "properties"))) return "object";
  if (isObject(own(schema, "items"))) return "array";
  if (own(schema, "maxLength") !== undefined || own(schema, "pattern") !== undefined) return "string";
  return null;
}

/** One value that can be chosen, and what it is called. */
export interface Choice {
  value: unknown;
  label: string;
}

/** Return the values of an enumeration, or of alternatives that are single values; null when the schema is neither. */
export function choicesOf(schema: Schema, root: Schema): Choice[] | null {
  const values = listIn(schema, "enum");
  if (values !== null) {
    const simple = values.length <= CHOICES_MAX && values.every((value) => !isObject(value) && !Array.isArray(value));
    return simple ? values.map((value) => ({ value, label: String(value) })) : null;
  }
  const choices: Choice[] = [];
  for (const member of alternativesOf(schema) ?? []) {
    const { schema: found } = resolve(member, root);
    const inside = constantOf(found).length === 1 ? constantOf(found) : listIn(found, "enum");
    if (inside === null || inside.some((value) => isObject(value) || Array.isArray(value))) return null;
    const title = inside.length === 1 ? textIn(found, "title") : null;
    choices.push(...inside.map((value) => ({ value, label: title ?? String(value) })));
  }
  return choices.length > 0 && choices.length <= CHOICES_MAX ? choices : null;
}

function textShape(schema: Schema): Shape {
  const format = textIn(schema, "format");
  if (format === "date-time") return "date_time";
  if (format === "date") return "date";
  if (format !== null || own(schema, "x-title") === true) return "text";
  if (textIn(schema, "contentEncoding") !== null) return "textarea";
  const longest = numberIn(schema, "maxLength");
  // A pattern without a length is one of names and the like, which are short.
  if (longest === null && textIn(schema, "pattern") !== null) return "text";
  return longest === null || longest > LINE_CHARS_MAX ? "textarea" : "text";
}

function objectShape(schema: Schema): Shape {
  const count = Object.keys(objectIn(schema, "properties")).length;
  if (count > 0) return count <= PROPERTIES_MAX ? "object" : "json";
  return isObject(own(schema, "additionalProperties")) ? "map" : "json";
}
