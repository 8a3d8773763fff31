import { checkValue } from "@/schema/check";
import { initialValue } from "@/schema/initial";
import { inOrderOf, isObject, listIn, objectIn, own, withField, type JsonObject } from "@/schema/json";
import { inWords } from "@/schema/label";
import { resolve } from "@/schema/resolve";
import type { FieldError } from "@/schema/rules";
import { typeOf } from "@/schema/shape";

/** What is wrong with a line. */
export interface WrongLine {
  line: number;
  problem: "not_json" | "not_object" | FieldError;
}

/** Lines, read as the inputs of a batch. */
export interface Lines {
  count: number;
  /** One input on each line, as it is sent. */
  ndjson: string;
  /** The field whose value each line is; null where the lines are JSON. */
  field: string | null;
  wrong: WrongLine[];
  wrong_count: number;
}

const SHOWN = 5;
// So many are compared with the schema while somebody writes. The server compares all, and accepts all or none.
const CHECKED = 2_000;

/**
 * Read lines as inputs. When the first one begins with a brace all are JSON; else each is the text of one field, and `base` has the others.
 */
export function readLines(text: string, schema: object, base: unknown): Lines {
  const field = text.trimStart().startsWith("{") ? null : textField(schema);
  const wrong: WrongLine[] = [];
  const inputs: string[] = [];
  let wrong_count = 0;
  let number = 0;
  const complain = (problem: WrongLine["problem"]): void => {
    wrong_count += 1;
    if (wrong.length < SHOWN) wrong.push({ line: number, problem });
  };
  for (const line of text.split(/\r?\n/u)) {
    number += 1;
    if (line.trim() === "") continue;
    const input = field === null ? parse(line) : inputWith(schema, base, field, line);
    if (input === undefined) complain("not_json");
    else if (!isObject(input)) complain("not_object");
    else {
      inputs.push(JSON.stringify(input));
      const [first] = inputs.length <= CHECKED ? checkValue(schema, input) : [];
      if (first !== undefined) complain(first);
      continue;
    }
    inputs.push("");
  }
  return { count: inputs.length, ndjson: inputs.join("\n"), field: field === null ? null : inWords(field), wrong, wrong_count };
}

/** Return a line as one may look: the example of the kind, else what is known of its fields, with a place for a text. */
export function exampleLine(schema: object, example: unknown): string {
  if (isObject(example)) return JSON.stringify(example);
  const known = initialValue(schema);
  const field = textField(schema);
  return JSON.stringify({ ...(field === null ? {} : { [field]: "…" }), ...(isObject(known) ? known : {}) });
}

/** Return the field that a line of text is the value of: the first required text, else the first text; null without one. */
export function textField(schema: object): string | null {
  const root = schema as JsonObject;
  const { schema: whole } = resolve(root, root);
  const required = new Set(listIn(whole, "required") ?? []);
  const texts = Object.entries(objectIn(whole, "properties")).filter(([, part]) => {
    const { schema: found } = resolve(part, root);
    return typeOf(found) === "string" && own(found, "x-file") !== true;
  });
  return (texts.find(([name]) => required.has(name)) ?? texts[0])?.[0] ?? null;
}

/** Return the field that takes a file, and the types that it takes; null when none does, or when several do. */
export function fileField(schema: object): { name: string; accepted: string[] } | null {
  const root = schema as JsonObject;
  const { schema: whole } = resolve(root, root);
  const found = Object.entries(objectIn(whole, "properties")).flatMap(([name, part]) => {
    const { schema: field } = resolve(part, root);
    if (own(field, "x-file") !== true) return [];
    return [{ name, accepted: (listIn(field, "x-accept") ?? []).filter((each) => typeof each === "string") }];
  });
  return found.length === 1 ? (found[0] ?? null) : null;
}

/** Return lines with one input more for each file. What was written as text becomes the inputs that it stands for. */
export function withFiles(text: string, schema: object, base: unknown, field: string, ids: readonly string[]): string {
  const before = readLines(text, schema, base);
  const kept = before.field === null ? text.trimEnd() : before.ndjson;
  const added = ids.map((id) => JSON.stringify(inputWith(schema, base, field, id)));
  return [...(kept === "" ? [] : [kept]), ...added].join("\n");
}

/** Return an input with one field set, in the order of its schema: a task is called by the first text or file of its input. */
function inputWith(schema: object, base: unknown, field: string, value: string): JsonObject {
  const { schema: whole } = resolve(schema, schema as JsonObject);
  return inOrderOf(Object.keys(objectIn(whole, "properties")), withField(isObject(base) ? base : {}, field, value));
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}
