import type { Submission } from "@/api/core";
import { isObject } from "@/schema/json";

import type { BatchTerms } from "./batch";

/** The ways in which a submission can be written down. */
export const WAYS = ["curl", "python", "cli"] as const;
export type Way = (typeof WAYS)[number];

/** A command or program, and the file that it reads, where what it sends is too large to be written into it. */
export interface Written {
  text: string;
  file: { name: string; text: string } | null;
}

const INLINE_CHARS_MAX = 2_000;

/** Quote a text for POSIX shells, which take everything between single quotes as it is. */
export function quoteForShell(text: string): string {
  return /^[\w@%+=:,./-]+$/u.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Write a value of JSON as Python does. */
export function writePython(value: unknown, indent = ""): string {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  const deeper = `${indent}    `;
  if (Array.isArray(value)) return value.length === 0 ? "[]" : `[${value.map((item) => writePython(item, deeper)).join(", ")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, inside]) => `${JSON.stringify(key)}: ${writePython(inside, deeper)}`);
  const line = `{${fields.join(", ")}}`;
  return line.length + indent.length <= 88 || fields.length < 2
    ? line
    : `{\n${fields.map((field) => `${deeper}${field},\n`).join("")}${indent}}`;
}

/** Write the submission of one task down. `key` is the idempotency key that somebody chose. */
export function writeSubmission(way: Way, url: string, body: Submission, key?: string): Written {
  const input = JSON.stringify(body.input ?? {});
  const is_large = input.length > INLINE_CHARS_MAX;
  const file = { name: "input.json", text: input };
  switch (way) {
    case "curl": {
      const whole = JSON.stringify(body);
      const task = { name: "task.json", text: whole };
      const header = key === undefined ? [] : ["-H", `Idempotency-Key: ${key}`];
      const text = curl(url, "/api/v1/tasks", [...header, "--json", is_large ? "@task.json" : whole]);
      return { text, file: is_large ? task : null };
    }
    case "python":
      return { text: pythonOf(url, body, is_large, key), file: is_large ? file : null };
    default: {
      const args = ["headrace", "submit", body.kind, "--input", is_large ? "@input.json" : input, ...flagsOf(body, key), "--follow"];
      return { text: args.map(quoteForShell).join(" "), file: is_large ? file : null };
    }
  }
}

/** Write the submission of a batch down, with its inputs in a file of lines. */
export function writeBatch(way: Way, url: string, terms: BatchTerms): string {
  const labels = Object.entries(terms.labels ?? {});
  switch (way) {
    case "curl": {
      const path = `/api/v1/batches?${terms.query}`;
      return curl(url, path, ["-H", "Content-Type: application/x-ndjson", "--data-binary", "@inputs.ndjson"]);
    }
    case "python": {
      const { kind, name, priority, max_attempts } = terms;
      const more = namedArguments({ name, priority, max_attempts, labels: labels.length > 0 ? terms.labels : undefined });
      const read = '    inputs = map(json.loads, open("inputs.ndjson", encoding="utf-8"))\n';
      return program(
        url,
        true,
        `${read}    batch = await client.batch(${writePython(kind)}, inputs${more})\n    print(batch.id, batch.total)\n`,
      );
    }
    default: {
      const flags = [
        ...(terms.name === undefined ? [] : ["--name", terms.name]),
        ...(terms.priority === undefined ? [] : ["--priority", terms.priority]),
        ...(terms.max_attempts === undefined ? [] : ["--max-attempts", String(terms.max_attempts)]),
        ...labels.flatMap(([label, value]) => ["--label", `${label}=${value}`]),
      ];
      return ["headrace", "batch", terms.kind, "--input", "@inputs.ndjson", ...flags, "--follow"].map(quoteForShell).join(" ");
    }
  }
}

function curl(url: string, path: string, args: string[]): string {
  // The key is in double quotes, because the shell has to put it there.
  return `curl -H "Authorization: Bearer $HEADRACE_API_KEY" ${args.map(quoteForShell).join(" ")} ${quoteForShell(url + path)}`;
}

function flagsOf(body: Submission, key: string | undefined): string[] {
  return [
    ...(body.priority === undefined ? [] : ["--priority", body.priority]),
    ...(typeof body.delay === "number" ? ["--delay", `${String(body.delay)}s`] : []),
    ...(typeof body.run_at === "string" ? ["--at", body.run_at] : []),
    ...(typeof body.expires_in === "number" ? ["--expires-in", `${String(body.expires_in)}s`] : []),
    ...(typeof body.max_attempts === "number" ? ["--max-attempts", String(body.max_attempts)] : []),
    ...Object.entries(body.labels ?? {}).flatMap(([label, value]) => ["--label", `${label}=${value}`]),
    ...(key === undefined ? [] : ["--key", key]),
  ];
}

function pythonOf(url: string, body: Submission, is_large: boolean, key: string | undefined): string {
  const { kind, input, run_at, ...rest } = body;
  const when = typeof run_at === "string" ? `,\n        run_at=datetime.fromisoformat(${writePython(run_at.replace("Z", "+00:00"))})` : "";
  const read = is_large ? '    input = json.loads(Path("input.json").read_text(encoding="utf-8"))\n' : "";
  const given = is_large ? "input" : writePython(input, "        ");
  const call = `    task = await client.submit(\n        ${writePython(kind)},\n        ${given}${when}${namedArguments({ ...rest, key })},\n    )\n    print(await client.result(task.id))\n`;
  return program(url, is_large, read + call, [
    ...(is_large ? ["from pathlib import Path"] : []),
    ...(when === "" ? [] : ["from datetime import datetime"]),
  ]);
}

function namedArguments(named: Record<string, unknown>): string {
  return Object.entries(named)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `,\n        ${name}=${writePython(value, "        ")}`)
    .join("");
}

function program(url: string, needs_json: boolean, inside: string, more: string[] = []): string {
  const imports = ["import asyncio", ...(needs_json ? ["import json"] : []), "import os", ...more.toSorted()].join("\n");
  const indented = inside.replaceAll(/^(?=.)/gmu, "    ");
  const client = `        async with Client(${writePython(url)}, key=os.environ["HEADRACE_API_KEY"]) as client:\n`.slice(4);
  return `${imports}\n\nfrom headrace.client import Client\n\n\nasync def main() -> None:\n${client}${indented}\n\nasyncio.run(main())\n`;
}
