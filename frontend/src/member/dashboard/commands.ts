// Kinds that come with Headrace, and how a line of an input of theirs begins.
const LINES: Record<string, string> = { text_feedback: `{"text": "essay &"}` };

/** Returns the command that submits a task with an input, and shows it live. */
export function submitCommand(kind: string, input: unknown, url: string): string {
  return `headrace submit ${kind} --url ${url} \\\n  --input ${quoted(JSON.stringify(input))} --follow`;
}

/** Returns the command that submits many tasks; null where there is no kind to submit. */
export function batchCommand(kinds: string[], url: string): string | null {
  const known = kinds.find((kind) => LINES[kind] !== undefined);
  const line = known === undefined ? undefined : LINES[known];
  if (line !== undefined) return `seq 100 | sed 's/.*/${line}/' |\n  headrace batch ${known ?? ""} --url ${url} --input - --follow`;
  const [first] = kinds;
  return first === undefined ? null : `headrace batch ${first} --url ${url} --input @inputs.jsonl --follow`;
}

/** Returns the same task as an HTTP request. */
export function curlCommand(kind: string, input: unknown, url: string): string {
  return `curl -H "Authorization: Bearer $HEADRACE_API_KEY" \\\n  --json ${quoted(JSON.stringify({ kind, input }))} \\\n  ${url}/api/v1/tasks`;
}

// As a shell of POSIX reads one word.
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
