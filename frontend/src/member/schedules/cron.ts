import type { Language } from "@/i18n";

/** The longest expression that the API takes. A longer one is not described: to spell it out could take a page's whole memory. */
export const CRON_LENGTH_MAX = 100;
const FIELDS = 6;
// The least and the greatest value of each field. Cron has 0 for Sunday.
const BOUNDS: readonly (readonly [number, number])[] = [
  [0, 59],
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 6],
];
const DAY_FIELDS = new Set([3, 5]);
const SHORTEST_RANGE = 3;

/**
 * Write an expression as people do: `1,2,3,4,5` becomes `1-5`, and `0,15,30,45` of the minutes `*\/15`.
 *
 * The API spells expressions out before it keeps them, and nobody recognises what they wrote. What is not a plain list of
 * numbers stays as it is. A step in a field of days would change whether the other field of days counts too; none is made there.
 */
export function shortenCron(cron: string): string {
  const fields = cron.trim().split(/\s+/);
  if (fields.length !== FIELDS) return cron;
  return fields.map((field, index) => shortenField(field, index)).join(" ");
}

function shortenField(field: string, index: number): string {
  const bounds = BOUNDS[index];
  if (bounds === undefined || !/^\d{1,2}(,\d{1,2})+$/.test(field)) return field;
  const numbers = [...new Set(field.split(",").map(Number))].sort((one, other) => one - other);
  return (DAY_FIELDS.has(index) ? null : stepOf(numbers, bounds)) ?? rangesOf(numbers);
}

function stepOf(numbers: number[], [least, greatest]: readonly [number, number]): string | null {
  const [first, second] = numbers;
  if (first !== least || second === undefined || numbers.length < SHORTEST_RANGE) return null;
  const step = second - first;
  if (step < 2 || !numbers.every((number, index) => number === least + index * step)) return null;
  return least + numbers.length * step > greatest ? `*/${String(step)}` : null;
}

function rangesOf(numbers: number[]): string {
  const runs: number[][] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run?.at(-1) === number - 1) run.push(number);
    else runs.push([number]);
  }
  return runs.map((run) => (run.length < SHORTEST_RANGE ? run.join(",") : `${String(run[0])}-${String(run.at(-1))}`)).join(",");
}

/**
 * Return an expression in words (`At 09:30, Monday through Friday`), or null when it is not one.
 *
 * What puts expressions into words is loaded when it is first needed.
 */
export async function describeCron(cron: string, language: Language, hours: "12" | "24" | null): Promise<string | null> {
  if (cron.length > CRON_LENGTH_MAX || cron.trim().split(/\s+/).length !== FIELDS) return null;
  const { default: cronstrue } = await import("cronstrue");
  if (language === "de") await import("cronstrue/locales/de");
  try {
    return cronstrue.toString(shortenCron(cron), { locale: language, use24HourTimeFormat: hours !== "12" });
  } catch {
    return null;
  }
}
