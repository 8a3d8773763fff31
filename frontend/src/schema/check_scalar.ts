import { numberIn, textIn, type Schema } from "./json";
import { matches } from "./patterns";
import type { Rule } from "./rules";

/** Takes note of a rule that the value breaks. */
export type Complain = (rule: Rule, limit?: number | string) => void;

const FORMATS: Readonly<Record<string, [Rule, RegExp]>> = {
  "date-time": ["format_date_time", /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)$/u],
  date: ["format_date", /^\d{4}-\d\d-\d\d$/u],
  time: ["format_time", /^\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?$/u],
  uuid: ["format_uuid", /^[\da-f]{8}-?[\da-f]{4}-?[\da-f]{4}-?[\da-f]{4}-?[\da-f]{12}$/iu],
  email: ["format_email", /^[^\s@]+@[^\s@]+$/u],
};

export function checkText(schema: Schema, value: string, complain: Complain): void {
  const [least, most] = [numberIn(schema, "minLength"), numberIn(schema, "maxLength")];
  if (least !== null && lengthOf(value, least) < least) complain("too_short", least);
  if (most !== null && lengthOf(value, most) > most) complain("too_long", most);
  const pattern = textIn(schema, "pattern");
  if (pattern !== null && !matches(pattern, value)) complain("pattern", pattern);
  const name = textIn(schema, "format");
  const format = name !== null && Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined;
  if (format === undefined) return;
  const [rule, form] = format;
  if (!form.test(value) || (name?.startsWith("date") === true && Number.isNaN(Date.parse(value)))) complain(rule);
}

export function checkNumber(schema: Schema, value: number, complain: Complain): void {
  const [least, most] = [numberIn(schema, "minimum"), numberIn(schema, "maximum")];
  const [above, below] = [numberIn(schema, "exclusiveMinimum"), numberIn(schema, "exclusiveMaximum")];
  const multiple = numberIn(schema, "multipleOf");
  if (least !== null && value < least) complain("too_small", least);
  if (most !== null && value > most) complain("too_large", most);
  if (above !== null && value <= above) complain("not_above", above);
  if (below !== null && value >= below) complain("not_below", below);
  if (multiple !== null && multiple > 0 && !isMultiple(value, multiple)) complain("multiple", multiple);
}

// JSON Schema counts code points. A text has no more of them than UTF-16 units, so most texts need not be counted.
function lengthOf(text: string, limit: number): number {
  if (text.length < limit || text.length > 2 * limit) return text.length;
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function isMultiple(value: number, of: number): boolean {
  const times = value / of;
  return Math.abs(times - Math.round(times)) < 1e-9 * Math.max(1, Math.abs(times));
}
