/** A JSON Schema, or a part of one, as it arrived. Nothing about its keywords is taken for granted. */
export type Schema = Readonly<Record<string, unknown>>;

/** An object of JSON. Read its fields with `own`: a key such as `constructor` otherwise finds what every object inherits. */
export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Return a field that the object itself has; undefined for what it inherits. */
export function own(object: Readonly<JsonObject>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Return a copy with the field set, or without it when the value is undefined. The key `__proto__` is one like any other. */
export function withField(object: Readonly<JsonObject>, key: string, value: unknown): JsonObject {
  // A computed key and a spread define a field. An assignment to `__proto__` would change what the object inherits.
  if (value !== undefined) return { ...object, [key]: value };
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}

/** Return a copy whose fields have the order of the names, and after them their own. The first text of an input is its title. */
export function inOrderOf(names: readonly string[], object: Readonly<JsonObject>): JsonObject {
  const first = names.filter((name) => Object.hasOwn(object, name)).map((name): [string, unknown] => [name, own(object, name)]);
  const named = new Set(names);
  return Object.fromEntries([...first, ...Object.entries(object).filter(([name]) => !named.has(name))]);
}

/** Return a copy with the item replaced. A list has no gaps, so undefined becomes null. */
export function withItem(list: readonly unknown[], index: number, value: unknown): unknown[] {
  return list.map((item, at) => (at === index ? (value ?? null) : item));
}

/** Whether two values are the same JSON; the order of fields does not matter. */
export function equals(one: unknown, two: unknown): boolean {
  if (Object.is(one, two)) return true;
  if (Array.isArray(one)) {
    return Array.isArray(two) && one.length === two.length && one.every((item, at) => equals(item, two[at]));
  }
  if (!isObject(one) || !isObject(two)) return one === two;
  const names = Object.keys(one);
  return names.length === Object.keys(two).length && names.every((name) => Object.hasOwn(two, name) && equals(one[name], two[name]));
}

/** Return the JSON Pointer (RFC 6901) of a field or an item of what `parent` points to. */
export function pointer(parent: string, key: string | number): string {
  return `${parent}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** Return the keys that a JSON Pointer goes through. */
export function keysOf(path: string): string[] {
  if (path === "") return [];
  return path
    .slice(1)
    .split("/")
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

export function numberIn(schema: Schema, keyword: string): number | null {
  const value = own(schema, keyword);
  return typeof value === "number" ? value : null;
}

export function textIn(schema: Schema, keyword: string): string | null {
  const value = own(schema, keyword);
  return typeof value === "string" ? value : null;
}

export function listIn(schema: Schema, keyword: string): readonly unknown[] | null {
  const value: unknown = own(schema, keyword);
  return Array.isArray(value) ? value : null;
}

export function objectIn(schema: Schema, keyword: string): Readonly<JsonObject> {
  const value = own(schema, keyword);
  return isObject(value) ? value : {};
}
