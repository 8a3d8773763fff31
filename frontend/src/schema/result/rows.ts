import { isObject, own, type JsonObject } from "../json";

const COLUMNS_LOOKED_AT = 200;

/** Which column rows are sorted by. */
export interface Sorting {
  column: string;
  descending: boolean;
}

/** Return the names of all fields that the first rows have, in the order in which they come. */
export function columnsOf(rows: readonly unknown[]): string[] {
  const names = new Set<string>();
  for (const row of rows.slice(0, COLUMNS_LOOKED_AT)) if (isObject(row)) for (const name of Object.keys(row)) names.add(name);
  return [...names];
}

/** Whether a column has numbers and nothing else but gaps. */
export function isNumeric(rows: readonly JsonObject[], column: string): boolean {
  const values = rows.slice(0, COLUMNS_LOOKED_AT).map((row) => own(row, column) ?? null);
  return values.some((value) => value !== null) && values.every((value) => value === null || typeof value === "number");
}

/** Return the rows in the order of a column: numbers by size, everything else as text. Gaps come last, whichever way. */
export function sortRows(rows: readonly JsonObject[], sorting: Sorting | null, locale: string): readonly JsonObject[] {
  if (sorting === null) return rows;
  const collator = new Intl.Collator(locale, { numeric: true });
  const sign = sorting.descending ? -1 : 1;
  return rows.toSorted((first, second) => {
    const [one, two] = [own(first, sorting.column) ?? null, own(second, sorting.column) ?? null];
    if (one === null || two === null) return Number(one === null) - Number(two === null);
    if (typeof one === "number" && typeof two === "number") return sign * (one - two);
    return sign * collator.compare(textOf(one), textOf(two));
  });
}

export function textOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
