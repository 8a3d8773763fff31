// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { ApiError, type ConnectionOptions, TaskFailed, createClient } from "../src/index.js";

interface Sent {
  method: string;
  url: string;
  headers: Headers;
  body: string;
}
type Answer = () => Response | Promise<Response>;

const URL_OF_API = "http://api.example";
let sent: Sent[] = [];

function problem(status: number, code: string, headers: Record<string, string> = {}): Answer {
  const body = {
    error_code: code,
    message: `because of ${code}`,
    correlation_id: "c-1",
    errors: [{ path: "/input/text", message: "is missing" }],
  };
  return () => Response.json(body, { status, headers });
}

/** A client whose requests are answered in this order; the last answer again and again. */
function answered(answers: Answer[], options: ConnectionOptions = {}): ReturnType<typeof createClient> {
  const fake: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    sent.push({ method: request.method, url: request.url, headers: request.headers, body: await request.text() });
    const answer = answers[Math.min(sent.length, answers.length) - 1];
    if (answer === undefined) throw new TypeError("fetch failed");
    return answer();
  };
  return createClient({ url: `${URL_OF_API}/`, fetch: fake, ...options });
}

const cut: Answer = () => {
  throw new TypeError("fetch failed");
};
const accepted: Answer = () => Response.json({ id: "t1", position: "1-1" }, { status: 202 });
const task =
  (fields: object): Answer =>
  () =>
    Response.json({ id: "t1", result: null, files: [], error: null, ...fields });

beforeEach(() => {
  sent = [];
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0);
});
afterEach(() => {
  vi.useRealTimers();
});

/** Let all timers go off until a promise is settled. */
async function settle<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  await vi.runAllTimersAsync();
  return promise;
}

describe("a submission", () => {
  it("is sent with its key, its terms and its time", async () => {
    const client = answered([accepted], { key: "hr_secret" });
    const run_at = new Date(0);
    const submitted = await client.submit("echo", { text: "a" }, { key: "k", delay: 3, run_at, follow_link: 900 });
    expect(submitted.id).toBe("t1");
    expect(submitted.accepted.position).toBe("1-1");
    const [{ method, url, headers, body }] = sent as [Sent];
    expect([method, url]).toEqual(["POST", `${URL_OF_API}/api/v1/tasks?follow_link=900`]);
    expect(headers.get("Idempotency-Key")).toBe("k");
    expect(headers.get("Authorization")).toBe("Bearer hr_secret");
    expect(JSON.parse(body)).toEqual({ kind: "echo", input: { text: "a" }, delay: 3, run_at: "1970-01-01T00:00:00.000Z" });
  });

  it("is sent again when nothing answers and it has a key, and once without one", async () => {
    await settle(answered([cut, cut, accepted]).submit("echo", {}, { key: "k" }));
    expect(sent).toHaveLength(3);
    expect(new Set(sent.map(({ headers }) => headers.get("Idempotency-Key")))).toEqual(new Set(["k"]));
    sent = [];
    await expect(settle(answered([cut, accepted]).submit("echo", {}))).rejects.toMatchObject({ status: 0, code: "unreachable" });
    expect(sent).toHaveLength(1);
  });

  it("waits until a limit permits it, and does not wait for an hour", async () => {
    const started = Date.now();
    await settle(answered([problem(429, "too_many_requests", { "Retry-After": "7" }), accepted]).submit("echo", {}));
    expect(Date.now() - started).toBe(7_000);
    sent = [];
    const refused = answered([problem(429, "too_many_requests", { "Retry-After": "3600" })]).submit("echo", {});
    await expect(settle(refused)).rejects.toMatchObject({ retryAfter: 3600 });
    expect(sent).toHaveLength(1);
  });

  it("ends with what the API said", async () => {
    const error: unknown = await answered([problem(422, "invalid_input")])
      .submit("echo", {}, { key: "k" })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      status: 422,
      code: "invalid_input",
      detail: "because of invalid_input",
      correlationId: "c-1",
      retryAfter: null,
    });
    expect((error as ApiError).message).toBe("because of invalid_input\n  /input/text: is missing");
  });

  it("gives up after so many attempts", async () => {
    await expect(settle(answered([cut], { attempts: 4 }).submit("echo", {}, { key: "k" }))).rejects.toThrow(
      "cannot be reached: fetch failed",
    );
    expect(sent).toHaveLength(4);
  });

  it("does not try a certificate again that is not trusted", async () => {
    const untrusted: Answer = () => {
      throw new TypeError("fetch failed", { cause: Object.assign(new Error("self-signed"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" }) });
    };
    await expect(settle(answered([untrusted]).submit("echo", {}, { key: "k" }))).rejects.toBeInstanceOf(ApiError);
    expect(sent).toHaveLength(1);
  });

  it("says that something else answers there, without the address that may be secret", async () => {
    const page: Answer = () => new Response("<html>", { status: 502, statusText: "Bad Gateway" });
    await expect(answered([page]).submit("echo", {})).rejects.toMatchObject({
      code: "not_headrace",
      detail: "the server answered 502 Bad Gateway, and not as Headrace does; is `url` its address?",
    });
  });

  it("is given up when there is no answer in time, and when its signal says so", async () => {
    const hang: Answer = () => new Promise(() => undefined);
    const silent: typeof fetch = (_, init) =>
      new Promise((_resolve, reject) => {
        const abort = (): void => {
          reject(init?.signal?.reason as Error);
        };
        if (init?.signal?.aborted === true) abort();
        else init?.signal?.addEventListener("abort", abort);
      });
    await expect(settle(answered([hang], { fetch: silent }).submit("echo", {}))).rejects.toThrow("no answer within 15 seconds");
    const controller = new AbortController();
    const given_up = answered([hang], { fetch: silent }).submit("echo", {}, { signal: controller.signal });
    controller.abort(new Error("left"));
    await expect(given_up).rejects.toThrow("left");
  });
});

describe("a client", () => {
  it("asks for a key each time it needs one", async () => {
    let count = 0;
    const client = answered([task({ state: "running" })], { key: () => Promise.resolve(`token ${String((count += 1))}`) });
    await client.task("t1").get();
    await client.task("t1").get();
    expect(sent.map(({ headers }) => headers.get("Authorization"))).toEqual(["Bearer token 1", "Bearer token 2"]);
  });

  it("without a key sends what a page of another site cannot", async () => {
    await answered([task({ state: "cancelled" })])
      .task("a/b")
      .cancel();
    expect(sent[0]).toMatchObject({ method: "PUT", url: `${URL_OF_API}/api/v1/tasks/a%2Fb/cancellation` });
    expect(sent[0]?.headers.get("X-Headrace-CSRF")).toBe("1");
  });

  it.each(["ftp://x", "nowhere", "http://user:secret@x"])("refuses the address %s without repeating it", (url) => {
    expect(() => createClient({ url })).toThrow(TypeError);
    expect(() => createClient({ url })).not.toThrow(url);
  });

  it("has to be told the address outside of a page", () => {
    expect(() => createClient()).toThrow("say where the API is");
  });
});

describe("a result", () => {
  it("comes when the task is over, however often the API says that it is not", async () => {
    const client = answered([task({ state: "running" }), cut, task({ state: "succeeded", result: { words: 2 } })]);
    expect(await settle(client.task("t1").result({ at_least: "1-5" }))).toEqual({ words: 2 });
    expect(sent.map(({ url }) => url)).toEqual(Array.from({ length: 3 }, () => `${URL_OF_API}/api/v1/tasks/t1?wait=25&at_least=1-5`));
  });

  it("of more than 8 MB is downloaded", async () => {
    const files = [
      { id: "f0", role: "log" },
      { id: "f1", role: "result" },
    ];
    const client = answered([task({ state: "succeeded", files }), () => Response.json(["large"])]);
    expect(await client.task("t1").result()).toEqual(["large"]);
    expect(sent[1]?.url).toBe(`${URL_OF_API}/api/v1/files/f1/content`);
  });

  it("of a task that failed is an error that has the task", async () => {
    const error: unknown = await answered([task({ state: "failed", error: { code: "raised", message: "no luck" } })])
      .task("t1")
      .result()
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TaskFailed);
    expect(error).toMatchObject({ code: "raised", message: "no luck", task: { id: "t1" } });
  });
});

describe("a batch", () => {
  it("is sent a line for each input, and gives a value for each line", async () => {
    async function* inputs(): AsyncGenerator<{ text: string }, void, undefined> {
      yield await Promise.resolve({ text: "a\nb" });
      yield { text: "c" };
    }
    const results: Answer = () => new Response('{"index":0}\n{"index":1}\n');
    const batch = await answered([accepted, results]).batch("echo", inputs(), { labels: { a: "b=c" }, name: "n" });
    expect(sent[0]).toMatchObject({
      url: `${URL_OF_API}/api/v1/batches?kind=echo&label=a%3Db%3Dc&name=n`,
      body: '{"text":"a\\nb"}\n{"text":"c"}\n',
    });
    expect(sent[0]?.headers.get("Content-Type")).toBe("application/x-ndjson");
    const lines: number[] = [];
    for await (const { index } of batch.results()) lines.push(index);
    expect(lines).toEqual([0, 1]);
  });

  it("is not sent when it has more inputs than any batch may have", async () => {
    function* endless(): Generator<object, void, undefined> {
      for (;;) yield {};
    }
    await expect(answered([accepted]).batch("echo", endless() as never)).rejects.toThrow("100,000 inputs at most");
    expect(sent).toEqual([]);
  });
});
