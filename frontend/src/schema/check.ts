import { checkNumber, checkText, type Complain } from "./check_scalar";
import { equals, isObject, listIn, numberIn, objectIn, own, pointer, textIn, type JsonObject, type Schema } from "./json";
import { alternativesOf, constantOf, discriminatorOf, memberOf, resolve } from "./resolve";
import { sentence, type FieldError, type Rule } from "./rules";
import { matches } from "./patterns";

// The server checks everything again, so what is left unchecked beyond these costs a request and nothing else.
const ERRORS_MAX = 50;
const STEPS_MAX = 50_000;
const DEPTH_MAX = 60;

/**
 * Return what is wrong with a value, place by place, as far as a form can know; an empty list when nothing is.
 *
 * An undefined value is one that nobody has given yet. What the keywords `not`, `if` and the like ask for is left to the server.
 */
export function checkValue(schema: unknown, value: unknown): FieldError[] {
  const check = new Check(isObject(schema) ? schema : {});
  check.at(schema, value, "", 0);
  return check.errors;
}

class Check {
  readonly errors: FieldError[] = [];
  private steps = 0;

  constructor(private readonly root: Schema) {}

  at(part: unknown, value: unknown, path: string, depth: number): void {
    if (this.errors.length >= ERRORS_MAX || ++this.steps > STEPS_MAX) return;
    const complain: Complain = (rule, limit) => this.complain(path, rule, limit);
    if (part === false) return complain("unknown");
    if (value === undefined) return complain("required");
    if (depth > DEPTH_MAX) return complain("too_deep");
    const { schema, nullable } = resolve(part, this.root);
    if (value === null && nullable) return;
    if (!this.matchesValues(schema, value, complain)) return;
    if (!matchesType(own(schema, "type"), value)) {
      return complain(value === null ? "not_null" : (`type_${String(own(schema, "type"))}` as Rule));
    }
    if (typeof value === "string") checkText(schema, value, complain);
    else if (typeof value === "number") checkNumber(schema, value, complain);
    else if (Array.isArray(value)) this.list(schema, value, path, depth);
    else if (isObject(value)) this.object(schema, value, path, depth);
    for (const member of listIn(schema, "allOf") ?? []) this.at(member, value, path, depth + 1);
    this.alternatives(schema, value, path, depth);
  }

  private complain(path: string, rule: Rule, limit?: number | string): void {
    if (this.errors.some((error) => error.path === path && error.rule === rule)) return;
    this.errors.push({ path, rule, message: sentence(rule, limit), ...(limit === undefined ? {} : { limit }) });
  }

  private matchesValues(schema: Schema, value: unknown, complain: Complain): boolean {
    const values = Object.hasOwn(schema, "const") ? constantOf(schema) : listIn(schema, "enum");
    if (values === null || values.some((each) => equals(each, value))) return true;
    complain(value === null ? "not_null" : "choice");
    return false;
  }

  private list(schema: Schema, value: readonly unknown[], path: string, depth: number): void {
    const complain: Complain = (rule, limit) => this.complain(path, rule, limit);
    const [least, most] = [numberIn(schema, "minItems"), numberIn(schema, "maxItems")];
    if (least !== null && value.length < least) complain("too_few", least);
    if (most !== null && value.length > most) complain("too_many", most);
    if (own(schema, "uniqueItems") === true && hasRepeats(value)) complain("repeated");
    const first = listIn(schema, "prefixItems") ?? [];
    const rest = own(schema, "items");
    value.forEach((item, index) => {
      const part = index < first.length ? first[index] : rest;
      if (part !== undefined) this.at(part, item, pointer(path, index), depth + 1);
    });
  }

  private object(schema: Schema, value: JsonObject, path: string, depth: number): void {
    const properties = objectIn(schema, "properties");
    for (const name of listIn(schema, "required") ?? []) {
      if (typeof name === "string" && own(value, name) === undefined) this.complain(pointer(path, name), "required");
    }
    const names = Object.keys(value).filter((name) => value[name] !== undefined);
    const [least, most] = [numberIn(schema, "minProperties"), numberIn(schema, "maxProperties")];
    if (least !== null && names.length < least) this.complain(path, "too_few_fields", least);
    if (most !== null && names.length > most) this.complain(path, "too_many_fields", most);
    for (const name of names) {
      const below = pointer(path, name);
      const part = own(properties, name);
      if (part !== undefined) this.at(part, value[name], below, depth + 1);
      else this.other(schema, name, value[name], below, depth);
    }
  }

  private other(schema: Schema, name: string, value: unknown, path: string, depth: number): void {
    const keys = own(schema, "propertyNames");
    if (isObject(keys)) {
      const inside = new Check(this.root);
      inside.at(keys, name, "", depth + 1);
      if (inside.errors.length > 0) this.complain(path, "bad_key");
    }
    const patterns = Object.entries(objectIn(schema, "patternProperties")).filter(([pattern]) => matches(pattern, name));
    for (const [, part] of patterns) this.at(part, value, path, depth + 1);
    const rest = own(schema, "additionalProperties");
    if (patterns.length === 0 && rest !== undefined) this.at(rest, value, path, depth + 1);
  }

  private alternatives(schema: Schema, value: unknown, path: string, depth: number): void {
    const members = alternativesOf(schema);
    if (members === null) return;
    const meant = memberOf(members, value, this.root);
    if (meant !== null) return this.at(members[meant], value, path, depth + 1);
    const tag = discriminatorOf(schema);
    if (tag !== null && isObject(value)) return this.complain(pointer(path, tag), own(value, tag) === undefined ? "required" : "choice");
    let best: FieldError[] | null = null;
    for (const member of members) {
      const inside = new Check(this.root);
      inside.steps = this.steps;
      inside.at(member, value, path, depth + 1);
      this.steps = inside.steps;
      if (inside.errors.length === 0) return;
      if (isOfType(member, value, this.root) && (best === null || inside.errors.length < best.length)) best = inside.errors;
    }
    if (best === null) this.complain(path, "one_of");
    else for (const error of best) if (error.rule !== undefined) this.complain(error.path, error.rule, error.limit);
  }
}

function isOfType(member: unknown, value: unknown, root: Schema): boolean {
  const type = textIn(resolve(member, root).schema, "type");
  return type !== null && matchesType(type, value);
}

function matchesType(type: unknown, value: unknown): boolean {
  switch (type) {
    case "string":
    case "boolean":
    case "number":
      return typeof value === type;
    case "integer":
      return Number.isInteger(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "null":
      return value === null;
    default:
      return true;
  }
}

function hasRepeats(value: readonly unknown[]): boolean {
  const seen = new Map<string, unknown[]>();
  for (const item of value) {
    const key = isObject(item) ? Object.keys(item).toSorted().join("\n") : JSON.stringify(item);
    const alike = seen.get(key) ?? [];
    if (alike.some((other) => equals(other, item))) return true;
    seen.set(key, [...alike, item]);
  }
  return false;
}
