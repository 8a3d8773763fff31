import { execFileSync } from "node:child_process";

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { NewTaskV1 } from "@/api/member";
import kinds from "@/schema/testing/kinds.json";

import golden from "../../../../tests/bff/golden/NewTaskV1.json";
import { termsOf } from "./batch";
import { quoteForShell, WAYS, writeBatch, writePython, writeSubmission } from "./commands";
import { exampleLine, fileField, readLines, textField, withFiles } from "./lines";
import { errorsOfOptions, secondsOf, submissionOf, useIdempotencyKeys, type Options } from "./submission";
import { reduceNewTask } from "./useNewTask";

const URL = "http://127.0.0.1:8080";
const now: Options = { when: { is: "now" } };

describe("a submission as a command", { timeout: 60_000 }, () => {
  // One process for all samples: to start one takes longer than everything else here.
  it("is quoted so that a shell gives back every text", () => {
    // A shell can be given no NUL, which JSON writes as an escape.
    const texts = fc.sample(fc.string({ unit: "binary" }), 500).map((text) => text.replaceAll("\0", ""));
    const printed = execFileSync("sh", ["-c", `printf '%s\\0' ${texts.map(quoteForShell).join(" ")}`], { encoding: "utf8" });
    expect(printed.split("\0").slice(0, -1)).toEqual(texts);
  });

  it("is a literal of Python that means the same", () => {
    const values = fc.sample(fc.jsonValue({ stringUnit: "binary" }), 500);
    const read = "import sys, json, ast; print(json.dumps(ast.literal_eval(sys.stdin.buffer.read().decode())))";
    const printed = execFileSync("python3", ["-c", read], { input: writePython(values), encoding: "utf8" });
    expect(JSON.parse(printed)).toEqual(JSON.parse(JSON.stringify(values)));
  });

  it("says everything that the form says", () => {
    const options: Options = {
      when: { is: "later", delay: "10m" },
      priority: "high",
      labels: { customer: "it's 42" },
      max_attempts: 2,
      key: "order-1",
    };
    const body = submissionOf("text_feedback", { text: "It's good." }, options);
    expect(writeSubmission("cli", URL, body, "order-1").text).toBe(
      String.raw`headrace submit text_feedback --input '{"text":"It'\''s good."}' --priority high --delay 600s --max-attempts 2 --label 'customer=it'\''s 42' --key order-1 --follow`,
    );
    expect(writeSubmission("curl", URL, body, "order-1").text).toBe(
      String.raw`curl -H "Authorization: Bearer $HEADRACE_API_KEY" -H 'Idempotency-Key: order-1' --json '{"kind":"text_feedback","input":{"text":"It'\''s good."},"priority":"high","delay":600,"max_attempts":2,"labels":{"customer":"it'\''s 42"}}' http://127.0.0.1:8080/api/v1/tasks`,
    );
  });

  it.each(["one", "at", "large"])("is a program that Python can read: %s", (which) => {
    const options: Options = which === "at" ? { when: { is: "at", run_at: "2026-03-01T09:30:00Z" }, labels: { a: "b" } } : now;
    const body = submissionOf("text_feedback", { text: which === "large" ? "x".repeat(5_000) : "x" }, options);
    const { text, file } = writeSubmission("python", URL, body);
    execFileSync("python3", ["-c", "import ast, sys; ast.parse(sys.stdin.read())"], { input: text });
    expect(file?.name).toBe(which === "large" ? "input.json" : undefined);
  });

  it("reads a large input from a file, and stays short", () => {
    const body = submissionOf("text_feedback", { text: "x".repeat(1_000_000) }, now);
    for (const way of WAYS) {
      const { text, file } = writeSubmission(way, URL, body);
      expect(text.length).toBeLessThan(800);
      expect(file?.text.length).toBeGreaterThan(1_000_000);
    }
  });

  it("of many inputs reads their lines from a file", () => {
    const terms = termsOf("text_feedback", { name: "Class 9b", labels: { class: "9b" }, priority: "high" });
    expect(writeBatch("cli", URL, terms)).toBe(
      "headrace batch text_feedback --input @inputs.ndjson --name 'Class 9b' --priority high --label class=9b --follow",
    );
    expect(writeBatch("curl", URL, terms)).toContain(
      "'http://127.0.0.1:8080/api/v1/batches?kind=text_feedback&name=Class+9b&priority=high&label=class%3D9b'",
    );
    execFileSync("python3", ["-c", "import ast, sys; ast.parse(sys.stdin.read())"], { input: writeBatch("python", URL, terms) });
  });
});

describe("a submission", () => {
  it("has only what somebody has said", () => {
    expect(submissionOf("k", {}, { ...now, priority: "normal", labels: {} })).toEqual({ kind: "k", input: {} });
    expect(submissionOf("k", {}, { when: { is: "at", run_at: "2026-03-01T09:30:00Z" }, expires_in: "1.5h" })).toEqual({
      kind: "k",
      input: {},
      run_at: "2026-03-01T09:30:00Z",
      expires_in: 5_400,
    });
    expect(["30s", "10m", "2h", "1d", "x", "", undefined].map(secondsOf)).toEqual([30, 600, 7_200, 86_400, null, null, null]);
  });

  it("has one key for as long as it says the same, so that sent twice it makes one task", () => {
    let made = 0;
    const keys = useIdempotencyKeys(() => String(++made));
    expect([keys.keyFor("a"), keys.keyFor("a"), keys.keyFor("b"), keys.keyFor("b")]).toEqual(["1", "1", "2", "2"]);
    keys.done();
    expect(keys.keyFor("b")).toBe("3");
  });

  it("shows refusals of the time at the field for it", () => {
    const errors = [
      { path: "/delay", message: "no" },
      { path: "/labels/a", message: "no" },
      { path: "/input/text", message: "no" },
    ];
    expect(errorsOfOptions(errors).map((error) => error.path)).toEqual(["/when/delay", "/labels/a"]);
  });
});

describe("lines", () => {
  const schema = kinds.text_feedback.input_schema;

  it("are objects when the first begins with a brace", () => {
    const read = readLines('\n{"text": "a"}\r\n\n{"text": 1}\nnothing\n[]\n', schema, {});
    expect([read.count, read.field, read.wrong_count]).toEqual([4, null, 3]);
    expect(read.wrong.map((each) => [each.line, typeof each.problem === "string" ? each.problem : each.problem.rule])).toEqual([
      [4, "type_string"],
      [5, "not_json"],
      [6, "not_object"],
    ]);
  });

  it("have an example that is itself a line of the kind", () => {
    const steps = { type: "object", properties: { name: { type: "string" }, steps: { type: "integer", default: 12 } } };
    expect(exampleLine(steps, null)).toBe('{"name":"…","steps":12}');
    expect(exampleLine(steps, { steps: 3 })).toBe('{"steps":3}');
    expect(exampleLine({ type: "object", properties: {} }, null)).toBe("{}");
    expect(readLines(exampleLine(steps, null), steps, {}).wrong_count).toBe(0);
  });

  it("are otherwise the first text of the input, beside what the form says", () => {
    const read = readLines("one\ntwo", schema, { text: "of the form", language: "de" });
    expect(read.ndjson).toBe('{"text":"one","language":"de"}\n{"text":"two","language":"de"}');
    expect([read.field, textField(schema), textField({ type: "object", properties: { n: { type: "integer" } } })]).toEqual([
      "Text",
      "text",
      null,
    ]);
  });

  it("are counted, however many there are", () => {
    expect(readLines("x\n".repeat(100_000), schema, {}).count).toBe(100_000);
  });
});

describe("files as lines", () => {
  const photo = { type: "string", "x-file": true, "x-accept": ["image/*"] };
  const schema = { type: "object", properties: { photo, note: { type: "string" } }, required: ["photo"] };

  it("become inputs with what the form has besides", () => {
    expect(fileField(schema)).toEqual({ name: "photo", accepted: ["image/*"] });
    const lines = withFiles("", schema, { note: "spring" }, "photo", ["f1", "f2"]);
    expect(readLines(lines, schema, {})).toMatchObject({ count: 2, wrong_count: 0 });
    expect(lines.split("\n").map((line) => JSON.parse(line) as unknown)).toEqual([
      { note: "spring", photo: "f1" },
      { note: "spring", photo: "f2" },
    ]);
    // The name of the file is then the title of its task.
    expect(lines.split("\n")[0]).toBe('{"photo":"f1","note":"spring"}');
  });

  it("come after what was written, whether that is text or JSON", () => {
    expect(withFiles("one\ntwo", { ...schema, required: [] }, {}, "photo", ["f1"])).toBe('{"note":"one"}\n{"note":"two"}\n{"photo":"f1"}');
    expect(withFiles('{"photo":"f0"}\n', schema, {}, "photo", ["f1"])).toBe('{"photo":"f0"}\n{"photo":"f1"}');
  });

  it("are not offered where no field, or more than one, takes a file, and a line of text is no file", () => {
    expect(fileField({ type: "object", properties: { note: { type: "string" } } })).toBeNull();
    expect(fileField({ type: "object", properties: { one: photo, other: photo } })).toBeNull();
    expect(textField({ type: "object", properties: { photo } })).toBeNull();
  });
});

describe("the screen for new tasks", () => {
  it("counts who waits, and knows when workers come and go", () => {
    const screen = golden.full as unknown as NewTaskV1;
    const counts = { pending: 0, queued: 7, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
    const counted = reduceNewTask(screen, { event: "counts", position: null, hint: { counts, kinds: { table_profile: counts } } });
    expect(counted.kinds?.map((kind) => kind.waiting)).toEqual([7, 0]);
    const hint = {
      kind: "text_feedback",
      change: "announced",
      has_workers: true,
      paused: false,
      announced_at: "2026-03-02T09:15:00Z",
    } as const;
    expect(reduceNewTask(screen, { event: "kind", position: null, hint }).kinds?.[1]).toMatchObject({ has_workers: true, paused: false });
  });
});
