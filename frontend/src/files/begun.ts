// Uploads that were begun in this browser, so that whoever chooses the same file again goes on where it stopped.
const STORED = "headrace-uploads";
const KEPT_MAX = 50;

/** What tells a file of a disk from others, as far as a browser knows. */
export interface Chosen {
  name: string;
  size: number;
  lastModified: number;
}

/** Return the upload of a file that was begun and not ended; null when there is none. */
export function findBegun(file: Chosen): string | null {
  return read().find(([key]) => key === keyOf(file))?.[1] ?? null;
}

/** Remember which upload is that of a file; with null, forget it. */
export function rememberBegun(file: Chosen, id: string | null): void {
  const others = read().filter(([key]) => key !== keyOf(file));
  try {
    localStorage.setItem(STORED, JSON.stringify(id === null ? others : [[keyOf(file), id], ...others].slice(0, KEPT_MAX)));
  } catch {
    // Without storage an upload is continued from its row in the list.
  }
}

function keyOf({ name, size, lastModified }: Chosen): string {
  return `${String(size)} ${String(lastModified)} ${name}`;
}

function read(): [string, string][] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORED) ?? "[]");
    const is_pair = (each: unknown): each is [string, string] => Array.isArray(each) && each.every((part) => typeof part === "string");
    return Array.isArray(stored) ? stored.filter(is_pair) : [];
  } catch {
    return [];
  }
}
