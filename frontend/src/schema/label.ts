import { own, textIn, type Schema } from "./json";
import type { Resolved } from "./resolve";

const ABBREVIATIONS = new Set(["api", "csv", "html", "id", "ip", "json", "pdf", "sql", "url", "utc", "uuid", "xml"]);
const TEXT_CHARS_MAX = 600;

/** Return a name of code as words: `max_rows` and `maxRows` are "Max rows", `csv` is "CSV". */
export function inWords(name: string): string {
  const words = name
    .replaceAll(/([a-z0-9])([A-Z])/gu, "$1 $2")
    .split(/[\s_.-]+/u)
    .filter((word) => word !== "")
    .map((word) => (ABBREVIATIONS.has(word.toLowerCase()) ? word.toUpperCase() : word.toLowerCase()));
  const sentence = words.join(" ");
  return sentence === "" ? name : sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/** Return what a field is called: its title, unless that is the name of a type, or else its name in words. */
export function labelOf(part: unknown, resolved: Resolved, name: string): string {
  const written = typeof part === "object" && part !== null ? textIn(part as Schema, "title") : null;
  const title = written ?? (resolved.named ? null : textIn(resolved.schema, "title"));
  return title?.trim() ? title.trim() : inWords(name);
}

/** Return the description of a field as one paragraph. Docstrings come with their indentation, and with marks around code. */
export function descriptionOf(schema: Schema): string | null {
  const text = textIn(schema, "description")
    ?.replaceAll(/``([^`]*)``/gu, "$1")
    .replaceAll(/\s+/gu, " ")
    .trim();
  if (!text) return null;
  return text.length <= TEXT_CHARS_MAX ? text : `${text.slice(0, TEXT_CHARS_MAX)}…`;
}

/** Whether this field is the title of the task. */
export function isTitle(schema: Schema): boolean {
  return own(schema, "x-title") === true;
}
