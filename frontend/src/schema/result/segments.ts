import type { Finding } from "./viewer";

/** A piece of a text: its number in the list of findings where it is one, else null. */
export interface Segment {
  text: string;
  /** The findings that this piece belongs to, the innermost last. */
  findings: number[];
}

/**
 * Cut a text at the borders of its findings, which are counted in code points.
 *
 * Findings may overlap, so a piece can belong to several. `from` and `to` are code points, too: what lies outside is left out.
 */
export function segmentsOf(text: string, findings: readonly Finding[], from: number, to: number): Segment[] {
  const borders = new Set([from, to]);
  for (const { start, end } of findings) for (const at of [start, end]) if (at > from && at < to) borders.add(at);
  const sorted = [...borders].toSorted((one, two) => one - two);
  const units = unitsOf(text, sorted);
  // Sorted by their begin, so that each is looked at only while it is open.
  const waiting = findings
    .map((finding, index) => ({ ...finding, index }))
    .toSorted((one, two) => one.start - two.start || two.end - one.end);
  let open: typeof waiting = [];
  let next = 0;
  return sorted.slice(0, -1).map((begin, index) => {
    const end = sorted[index + 1] ?? begin;
    for (let each = waiting[next]; each !== undefined && each.start <= begin; each = waiting[++next]) open.push(each);
    open = open.filter((each) => each.end > begin);
    return { text: text.slice(units[index], units[index + 1]), findings: open.filter((each) => each.end >= end).map((each) => each.index) };
  });
}

/** Return where code points lie in a text, in UTF-16 units. `points` ascend. */
function unitsOf(text: string, points: readonly number[]): number[] {
  const units: number[] = [];
  let unit = 0;
  let point = 0;
  for (const wanted of points) {
    while (point < wanted && unit < text.length) {
      unit += (text.codePointAt(unit) ?? 0) > 0xff_ff ? 2 : 1;
      point += 1;
    }
    units.push(unit);
  }
  return units;
}
