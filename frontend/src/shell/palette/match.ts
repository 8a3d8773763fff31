import type { State } from "@/api/member";

/** Something in the palette that can be chosen. */
export interface Entry {
  id: string;
  group: string;
  label: string;
  /** What is said beside it, muted. */
  note?: string;
  icon?: string;
  /** That of a task, whose mark is its icon. */
  state?: State;
  shortcut?: string;
  run: () => void;
}

/**
 * Return the entries in which all words of the query are, in any order, the best first: those that begin with the query, then those
 * in which a word begins with it. Groups keep their order, and so do equally good entries.
 */
export function matching(entries: Entry[], query: string): Entry[] {
  const words = plain(query).split(/\s+/).filter(Boolean);
  if (words.length === 0) return entries;
  const ranked = entries.flatMap((entry, place) => {
    const text = plain(`${entry.label} ${entry.note ?? ""}`);
    if (!words.every((word) => text.includes(word))) return [];
    return [{ entry, place, rank: rankOf(text, words[0] ?? "") }];
  });
  ranked.sort((one, other) => one.rank - other.rank || one.place - other.place);
  const groups = [...new Set(ranked.map(({ entry }) => entry.group))];
  return groups.flatMap((group) => ranked.filter(({ entry }) => entry.group === group).map(({ entry }) => entry));
}

function rankOf(text: string, word: string): number {
  if (text.startsWith(word)) return 0;
  return text.split(/[^\p{L}\p{N}]+/u).some((each) => each.startsWith(word)) ? 1 : 2;
}

// Case, accents and the difference between `ß` and `ss` distinguish nothing that somebody searches for.
function plain(text: string): string {
  return text.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase().replaceAll("ß", "ss").trim();
}

/** Return the id of a task in what was typed or pasted, such as an id or the address of its page; null without one. */
export function taskIdIn(text: string): string | null {
  return /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/.exec(text.toLowerCase())?.[0] ?? null;
}
