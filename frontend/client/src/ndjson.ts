// More than the API takes at once.
const INPUTS_MAX = 100_000;
// No value on a line is larger than 8 MB.
const LINE_CHARS_MAX = 32 << 20;

/**
 * Return a line of JSON for each value.
 *
 * @throws RangeError when there are more than one batch may have.
 */
export async function linesOf(values: Iterable<unknown> | AsyncIterable<unknown>): Promise<string> {
  const lines: string[] = [];
  for await (const value of values) {
    if (lines.length === INPUTS_MAX) throw new RangeError(`a batch has ${INPUTS_MAX.toLocaleString("en")} inputs at most: submit several`);
    lines.push(JSON.stringify(value));
  }
  return lines.map((line) => `${line}\n`).join("");
}

/**
 * Give the values of lines of JSON as they come.
 *
 * @throws RangeError when a line is longer than any of Headrace's own.
 */
export async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<unknown, void, undefined> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let partial = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const lines = (partial + (done ? decoder.decode() : decoder.decode(value, { stream: true }))).split("\n");
      partial = lines.pop() ?? "";
      for (const line of lines) if (line !== "") yield JSON.parse(line) as unknown;
      if (partial.length > LINE_CHARS_MAX) throw new RangeError("a line of the results is longer than any of Headrace's own");
      if (done) break;
    }
    if (partial !== "") yield JSON.parse(partial) as unknown;
  } finally {
    reader.cancel().catch(() => undefined);
  }
}
