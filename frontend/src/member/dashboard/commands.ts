import type { DashboardKind } from "@/api/member";

// Inputs of kinds that come with Headrace. Their schemas name none.
export const INPUTS: Record<string, object> = {
  text_feedback: { text: "The wheel turn slowly, and it is is very old." },
  table_profile: { name: "wheels.csv", csv: "name,height\nBreast wheel,3.5\nOvershot wheel,6\n" },
};
// How a line of a batch of theirs looks.
const LINES: Record<string, string> = { text_feedback: `{"text": "essay &"}` };

/** Returns the kind to try first: one that can run now, and whose input we know. */
export function kindToTry(kinds: DashboardKind[]): string | null {
  const ready = kinds.filter((kind) => kind.has_workers && !kind.paused);
  const known = Object.keys(INPUTS).find((name) => ready.some((kind) => kind.name === name));
  return known ?? ready[0]?.name ?? kinds[0]?.name ?? null;
}

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
