import { equals, isObject, keysOf, listIn, own, textIn, type Schema } from "./json";

/**
 * A part of a schema with its references followed and `null` taken out of its alternatives.
 *
 * `nullable` says that null is allowed beside what `schema` says. `named` says that the schema was reached by a reference: its title
 * is then the name of a type, which is no label.
 */
export interface Resolved {
  schema: Schema;
  nullable: boolean;
  named: boolean;
}

// A schema that refers to itself without a field in between allows anything, as far as a form is concerned.
const STEPS_MAX = 32;

/** Follow references and take apart alternatives with null, until what is left says one thing. */
export function resolve(part: unknown, root: Schema): Resolved {
  const found: Resolved = { schema: isObject(part) ? part : {}, nullable: false, named: false };
  for (let step = 0; step < STEPS_MAX; step++) {
    if (!follow(found, root) && !narrow(found, root)) return found;
  }
  return { ...found, schema: {} };
}

/** Return the members of `anyOf` or `oneOf`; null where the schema has neither. */
export function alternativesOf(schema: Schema): readonly unknown[] | null {
  return listIn(schema, "anyOf") ?? listIn(schema, "oneOf");
}

/** Return the one value that a schema allows, in a list; an empty list when it allows others. */
export function constantOf(schema: Schema): unknown[] {
  if (Object.hasOwn(schema, "const")) return [schema["const"]];
  const values = listIn(schema, "enum");
  return values?.length === 1 ? [...values] : [];
}

/** Return the name of the field by which the members of a union differ; null when the schema names none. */
export function discriminatorOf(schema: Schema): string | null {
  const discriminator = own(schema, "discriminator");
  return isObject(discriminator) ? textIn(discriminator, "propertyName") : null;
}

function follow(found: Resolved, root: Schema): boolean {
  const reference = textIn(found.schema, "$ref");
  if (reference === null) return false;
  const { $ref: _, ...beside } = found.schema;
  found.schema = { ...lookUp(reference, root), ...beside };
  found.named = true;
  return true;
}

function lookUp(reference: string, root: Schema): Schema {
  if (!reference.startsWith("#")) return {};
  let part: unknown = root;
  for (const key of keysOf(decode(reference.slice(1)))) {
    if (isObject(part)) part = own(part, key);
    else if (Array.isArray(part)) part = (part as unknown[])[Number(key)];
    else return {};
  }
  return isObject(part) ? part : {};
}

function decode(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}

function narrow(found: Resolved, root: Schema): boolean {
  return narrowAlternatives(found, root) || narrowTypes(found) || narrowValues(found) || mergeOnly(found);
}

function narrowAlternatives(found: Resolved, root: Schema): boolean {
  const members = alternativesOf(found.schema);
  if (members === null) return false;
  const left = members.filter((member) => !allowsOnlyNull(member, root));
  const { anyOf: _, oneOf: __, ...beside } = found.schema;
  if (left.length < members.length) found.nullable = true;
  if (left.length === 0) {
    found.schema = { ...beside, const: null };
    return true;
  }
  if (left.length === 1) {
    found.schema = { ...(isObject(left[0]) ? left[0] : {}), ...beside };
    return true;
  }
  found.schema = { ...beside, anyOf: left };
  return false;
}

function allowsOnlyNull(member: unknown, root: Schema): boolean {
  let schema = isObject(member) ? member : {};
  const reference = textIn(schema, "$ref");
  if (reference !== null) schema = lookUp(reference, root);
  return own(schema, "type") === "null" || constantOf(schema).some((value) => value === null);
}

function narrowTypes(found: Resolved): boolean {
  const types = listIn(found.schema, "type");
  if (types === null) return false;
  const left = types.filter((type) => type !== "null");
  if (left.length < types.length) found.nullable = true;
  const { type: _, ...beside } = found.schema;
  if (left.length === 0) found.schema = { ...beside, const: null };
  else if (left.length === 1) found.schema = { ...beside, type: left[0] };
  else found.schema = { ...beside, anyOf: left.map((type) => ({ type })) };
  return true;
}

function narrowValues(found: Resolved): boolean {
  const values = listIn(found.schema, "enum");
  if (values === null || values.length < 2 || !values.includes(null)) return false;
  found.nullable = true;
  found.schema = { ...found.schema, enum: values.filter((value) => value !== null) };
  return true;
}

function mergeOnly(found: Resolved): boolean {
  const all = listIn(found.schema, "allOf");
  if (all?.length !== 1 || !isObject(all[0])) return false;
  const { allOf: _, ...beside } = found.schema;
  found.schema = { ...all[0], ...beside };
  return true;
}

/** Return which member of a union a value is of, by what it has where members have constants; null when that does not say it. */
export function memberOf(members: readonly unknown[], value: unknown, root: Schema): number | null {
  const resolved = members.map((member) => resolve(member, root).schema);
  const index = resolved.findIndex((schema) => isObject(value) && hasConstants(schema, value, root));
  return index < 0 ? null : index;
}

function hasConstants(schema: Schema, value: Readonly<Record<string, unknown>>, root: Schema): boolean {
  const properties = own(schema, "properties");
  if (!isObject(properties)) return false;
  const constants = Object.entries(properties).flatMap(([name, part]) =>
    constantOf(resolve(part, root).schema).map((constant) => [name, constant] as const),
  );
  return constants.length > 0 && constants.every(([name, constant]) => equals(own(value, name), constant));
}
