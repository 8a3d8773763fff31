import { isObject, type Schema } from "../json";
import { DEPTH_MAX, ITEMS_MAX, shapeOf, type Shape } from "../shape";

const TEXTS: ReadonlySet<Shape> = new Set<Shape>(["text", "textarea", "file", "date"]);

/** Return the shape that can show a value: that of its schema, or JSON where the value is of another type, too deep or too long. */
export function shapeFor(schema: Schema, root: Schema, value: unknown, depth: number): Shape {
  const shape = shapeOf(schema, root);
  return fits(shape, value, depth) ? shape : "json";
}

function fits(shape: Shape, value: unknown, depth: number): boolean {
  if (value === undefined || value === null) return true;
  if (TEXTS.has(shape)) return typeof value === "string";
  switch (shape) {
    case "date_time":
      return typeof value === "string" && !Number.isNaN(Date.parse(value));
    case "number":
      return typeof value === "number";
    case "switch":
      return typeof value === "boolean";
    case "list":
      return Array.isArray(value) && value.length <= ITEMS_MAX && depth < DEPTH_MAX;
    case "map":
      return isObject(value) && Object.keys(value).length <= ITEMS_MAX && depth < DEPTH_MAX;
    case "object":
      return isObject(value) && depth < DEPTH_MAX;
    case "one_of":
      return depth < DEPTH_MAX;
    default:
      return true;
  }
}
