import { isObject, own, type JsonObject } from "../json";

/** A place in a text that somebody may want to look at again; `start` and `end` are counted in code points. */
export interface Finding {
  rule: string;
  start: number;
  end: number;
  message: string;
  suggestions: string[];
}

/** One bar of a histogram. */
export interface Bin {
  lower: number;
  upper: number;
  count: number;
}

/** How a value is shown. */
export type Viewer = "findings" | "profile" | "images" | "rows" | "fields" | "tree" | "simple";

const IMAGE = /^data:image\/(?:png|jpeg|gif|webp|avif|svg\+xml)[;,]/u;
const LOOKED_AT = 50;
const FIELDS_MAX = 100;

/** Return how to show a value. `text` is the text that findings would be about. */
export function viewerOf(value: unknown, text: string | null): Viewer {
  if (isImage(value)) return "images";
  if (typeof value !== "object" || value === null) return "simple";
  if (Array.isArray(value)) return ofList(value as unknown[], text);
  return Object.keys(value).length <= FIELDS_MAX ? "fields" : "tree";
}

/** Return the text that the findings of a result are about: the longest one of the task's input. */
export function textOf(input: unknown): string | null {
  if (typeof input === "string") return input;
  if (!isObject(input)) return null;
  const texts = Object.values(input).filter((value) => typeof value === "string");
  return texts.toSorted((one, two) => two.length - one.length)[0] ?? null;
}

export function isImage(value: unknown): value is string {
  return typeof value === "string" && IMAGE.test(value);
}

/** Return a value as a finding; null when it is none. */
export function findingOf(value: unknown): Finding | null {
  if (!isObject(value)) return null;
  const [start, end, message] = [own(value, "start"), own(value, "end"), own(value, "message")];
  if (!Number.isInteger(start) || !Number.isInteger(end) || typeof message !== "string") return null;
  const [rule, suggestions] = [own(value, "rule"), own(value, "suggestions")];
  return {
    start: start as number,
    end: end as number,
    message,
    rule: typeof rule === "string" ? rule : "",
    suggestions: Array.isArray(suggestions) ? (suggestions as unknown[]).filter((each) => typeof each === "string") : [],
  };
}

/** Return the bars of a histogram; an empty list when a value is none. */
export function binsOf(value: unknown): Bin[] {
  if (!Array.isArray(value)) return [];
  return (value as unknown[]).filter(
    (bin): bin is Bin & JsonObject => isObject(bin) && ["lower", "upper", "count"].every((name) => typeof own(bin, name) === "number"),
  );
}

function ofList(list: readonly unknown[], text: string | null): Viewer {
  const some = list.slice(0, LOOKED_AT);
  if (some.length === 0) return "simple";
  if (some.every(isImage)) return "images";
  if (!some.every(isObject)) return "tree";
  if (text !== null && some.every((each) => findingOf(each) !== null)) return "findings";
  if (some.every((each) => typeof own(each, "name") === "string") && some.some((each) => binsOf(own(each, "histogram")).length > 0))
    return "profile";
  return some.every((each) => Object.keys(each).length > 0) ? "rows" : "tree";
}
