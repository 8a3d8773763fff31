// @vitest-environment node
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";

import { framesByEventSource, framesByFetch } from "../src/connections.js";
import { ApiError } from "../src/errors.js";
import { NAMES, OF_TASKS } from "../src/events.js";
import { type FollowOptions, type Link, type StreamWorld, resume } from "../src/resume.js";
import { ModelServer, type Plan } from "./modelServer.js";

const SOURCE = {
  url: (after: string | null) => (after === null ? "/events" : `/events?after=${after}`),
  names: OF_TASKS,
  last: "finished",
};

type Way = "fetch" | "EventSource";

function worldOf(server: ModelServer, way: Way, waits: number[] = []): StreamWorld {
  return {
    byEvents: way === "EventSource" ? framesByEventSource(server.eventSource, NAMES) : null,
    byFetch: framesByFetch(server.fetch),
    random: () => 0.5,
    sleep: (milliseconds, signal) => {
      waits.push(milliseconds);
      signal?.throwIfAborted();
      return Promise.resolve();
    },
  };
}

/** Follow as a page does that shows all events, and loads them again when it is told to. */
async function show(server: ModelServer, way: Way, options: FollowOptions = {}): Promise<string[]> {
  let shown: string[] = [];
  for await (const frame of resume(SOURCE, { reconnects: Number.POSITIVE_INFINITY, ...options }, worldOf(server, way))) {
    if (frame.event === "reset") shown = server.upTo(frame.id);
    else shown.push(frame.event);
  }
  return shown;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  grows: fc.nat(4),
  trims: fc.nat(3),
  repeats: fc.nat(3),
  blocks: fc.nat(6),
  how: fc.constantFrom("cut", "ended", "bye", "problem", "refused"),
  chunk: fc.integer({ min: 7, max: 200 }),
});
const run = fc
  .array(fc.constantFrom("queued", "started", "progressed", "emitted"), { maxLength: 6 })
  .map((events) => [...events, "finished"]);
const log = fc.array(run, { minLength: 1, maxLength: 3 }).map((runs) => runs.flat());

describe.each<Way>(["fetch", "EventSource"])("a stream by %s", (way) => {
  it("ends with the whole list and repeats nothing, whatever is cut, repeated or reset", async () => {
    await fc.assert(
      fc.asyncProperty(log, fc.array(plan, { maxLength: 12 }), async (events, plans) => {
        const server = new ModelServer(events, plans);
        expect(await show(server, way)).toEqual(events);
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  it("goes on after the last event that it gave", async () => {
    const cut: Plan = { grows: 3, trims: 0, repeats: 0, blocks: 3, how: "cut", chunk: 10 };
    const server = new ModelServer(["queued", "started", "finished"], [cut]);
    await show(server, way);
    expect(server.asked.slice(0, 2)).toEqual([null, "7-2"]);
  });

  it("begins after the position that it is given", async () => {
    expect(await show(new ModelServer(["queued", "started", "finished"], []), way, { after: "7-1" })).toEqual(["started", "finished"]);
  });
});

describe("a stream", () => {
  const refused: Plan = { grows: 0, trims: 0, repeats: 0, blocks: 0, how: "refused", chunk: 1 };

  it("gives up when so many connections in a row have failed, and waits longer each time", async () => {
    const waits: number[] = [];
    const server = new ModelServer(
      ["finished"],
      Array.from({ length: 9 }, () => refused),
    );
    const frames = resume(SOURCE, { reconnects: 5 }, worldOf(server, "fetch", waits));
    await expect(frames.next()).rejects.toMatchObject({ name: "ApiError", status: 0, code: "unreachable" });
    expect(server.asked).toHaveLength(5);
    expect(waits).toEqual([2_600, 7_500, 15_000, 22_500]);
  });

  it("does not try again what fails each time, and says what the API said", async () => {
    const problem = { error_code: "task_not_found", message: "there is no task 't'", correlation_id: "c", errors: [] };
    const byFetch = framesByFetch(async () => {
      throw await ApiError.of(Response.json(problem, { status: 404 }));
    });
    const frames = resume(SOURCE, {}, { ...worldOf(new ModelServer([], []), "fetch"), byFetch });
    await expect(frames.next()).rejects.toMatchObject({
      status: 404,
      code: "task_not_found",
      detail: "there is no task 't'",
      correlationId: "c",
    });
  });

  it("asks for the reason where the browser does not say it", async () => {
    const world = worldOf(new ModelServer(["finished"], [refused]), "EventSource");
    const byFetch = framesByFetch(async () => {
      throw await ApiError.of(Response.json({ error_code: "not_authenticated", message: "sign in" }, { status: 401 }));
    });
    await expect(resume(SOURCE, {}, { ...world, byFetch }).next()).rejects.toMatchObject({ status: 401, code: "not_authenticated" });
  });

  it("waits as long as the server asks for, up to a minute", async () => {
    const waits: number[] = [];
    const busy = Response.json({ error_code: "log_unavailable", message: "wait" }, { status: 503, headers: { "Retry-After": "20" } });
    const server = new ModelServer(["finished"], []);
    const send = vi.fn<typeof server.fetch>(server.fetch).mockImplementationOnce(async () => {
      throw await ApiError.of(busy);
    });
    const frames = resume(SOURCE, {}, { ...worldOf(server, "fetch", waits), byFetch: framesByFetch(send) });
    expect((await frames.next()).value).toMatchObject({ event: "finished" });
    expect(waits).toEqual([20_000]);
  });

  it("tells how it is", async () => {
    const links: Link[] = [];
    const cut: Plan = { grows: 1, trims: 0, repeats: 0, blocks: 2, how: "cut", chunk: 10 };
    await show(new ModelServer(["queued", "finished"], [cut]), "fetch", { onLink: (link) => links.push(link) });
    expect(links.map(({ state }) => state)).toEqual(["live", "reconnecting", "reconnecting", "live"]);
    expect(links[1]).toMatchObject({ error: { code: "unreachable" } });
  });

  it("ends with the reason of its signal", async () => {
    const controller = new AbortController();
    const frames = resume(SOURCE, { signal: controller.signal }, worldOf(new ModelServer(["queued", "finished"], []), "fetch"));
    await frames.next();
    controller.abort(new Error("the page was left"));
    await expect(frames.next()).rejects.toThrow("the page was left");
  });

  it.each<Way>(["fetch", "EventSource"])("by %s counts as cut when nothing was heard for 45 seconds", async (way) => {
    vi.useFakeTimers();
    try {
      const server = new ModelServer(["finished"], []);
      const world = worldOf(server, way);
      const silent = vi.fn<(signal: AbortSignal) => void>();
      const first = framesByFetch((_, signal) => {
        silent(signal);
        return new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        });
      });
      const mute = framesByEventSource(
        () => ({ readyState: 0, addEventListener: () => undefined, close: () => silent(new AbortController().signal) }),
        NAMES,
      );
      const by = way === "fetch" ? "byFetch" : "byEvents";
      let count = 0;
      const open: StreamWorld["byFetch"] = (url, signal) =>
        (count++ === 0 ? (way === "fetch" ? first : mute) : (world[by] ?? first))(url, signal);
      const next = resume(SOURCE, {}, { ...world, [by]: open }).next();
      await vi.advanceTimersByTimeAsync(44_999);
      expect(server.asked).toHaveLength(0);
      await vi.advanceTimersByTimeAsync(1);
      expect((await next).value).toMatchObject({ event: "finished" });
      expect(silent).toHaveBeenCalled();
    } finally {
      vi.useRealTimers();
    }
  });
});
