/** What a text is as JSON: a value, undefined when it is empty, or in which line it stops to be JSON, where that is known. */
export type Parsed = { value: unknown; problem: null } | { value?: undefined; problem: "broken"; line: number | null };

export function parseJson(text: string): Parsed {
  if (text.trim() === "") return { value: undefined, problem: null };
  try {
    return { value: JSON.parse(text) as unknown, problem: null };
  } catch (error) {
    return { problem: "broken", line: lineOf(String(error), text) };
  }
}

/** Write a value as people read JSON; nothing for what nobody has given yet. */
export function writeJson(value: unknown): string {
  return value === undefined ? "" : JSON.stringify(value, null, 2);
}

// Browsers name the place in different words: `at position 12`, `line 2 column 3`, or not at all where the text just ends.
function lineOf(message: string, text: string): number | null {
  const line = /line (\d+)/u.exec(message)?.[1];
  if (line !== undefined) return Number(line);
  const position = /position (\d+)/u.exec(message)?.[1];
  if (position !== undefined) return text.slice(0, Number(position)).split("\n").length;
  return /end of/iu.test(message) ? text.split("\n").length : null;
}
