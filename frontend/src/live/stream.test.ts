import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Frame } from "./events";
import { type Link, createStream } from "./stream";
import type { EventsHandler, SessionAnswer, World } from "./world";

const BEAT: Frame = { event: "beat", id: "1-7", data: JSON.stringify({ position: "1-7", at: "2026-03-02T09:00:00Z" }) };

interface Opened {
  url: string;
  handler: EventsHandler;
  is_open: boolean;
}

let opened: Opened[] = [];
let links: Link[] = [];
let heard: Frame[] = [];
let session: SessionAnswer = "signed_in";
let chance = 0;

const world: Pick<World, "now" | "time" | "random" | "after" | "openEvents" | "askSession"> = {
  now: () => performance.now(),
  time: () => Date.now(),
  random: () => chance,
  after(milliseconds, act) {
    const timer = setTimeout(act, milliseconds);
    return () => {
      clearTimeout(timer);
    };
  },
  openEvents(url, _names, handler) {
    const source = { url, handler, is_open: true };
    opened.push(source);
    return () => {
      source.is_open = false;
    };
  },
  askSession: () => Promise.resolve(session),
};

function open(isDone = (): boolean => false): ReturnType<typeof createStream> {
  const stream = createStream(world as World, {
    url: (after) => `/events?after=${after ?? ""}`,
    names: [],
    isDone,
    frame: (frame) => heard.push(frame),
    link: (link) => links.push(link),
  });
  stream.open("1-1");
  return stream;
}
const last = (): Opened => opened.at(-1) as Opened;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
  opened = [];
  links = [];
  heard = [];
  session = "signed_in";
  chance = 0;
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a stream", () => {
  it("is live from its first word on, and comes back after the last position that it heard", async () => {
    open();
    expect(last().url).toBe("/events?after=1-1");
    expect(links).toEqual([{ state: "connecting" }]);
    last().handler.frame(BEAT);
    expect(links.at(-1)).toEqual({ state: "live" });
    last().handler.failed(false);
    expect(links.at(-1)).toEqual({ state: "reconnecting", retry_at: Date.now() + 200 });
    await vi.advanceTimersByTimeAsync(200);
    expect(last().url).toBe("/events?after=1-7");
    expect(opened.filter((each) => each.is_open)).toHaveLength(1);
  });

  it("waits 0.2 to 5 seconds at first, then up to twice as long each time, and never more than 30", async () => {
    chance = 0.999999;
    open();
    const waits: number[] = [];
    for (let count = 0; count < 6; count += 1) {
      last().handler.failed(false);
      const link = links.at(-1) as { retry_at: number };
      waits.push(Math.round((link.retry_at - Date.now()) / 1000));
      await vi.advanceTimersByTimeAsync(30_000);
    }
    expect(waits).toEqual([5, 10, 20, 30, 30, 30]);
  });

  it("is not taken for live because the server says why there is no stream", async () => {
    open();
    last().handler.frame({ event: "problem", id: "", data: JSON.stringify({ status: 503 }) });
    expect(heard).toEqual([]);
    expect(links.at(-1)).toMatchObject({ state: "reconnecting" });
    expect(last().is_open).toBe(false);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(opened).toHaveLength(2);
  });

  it("asks for the session when it is over for good, and stays signed out only when nobody is signed in", async () => {
    session = "signed_out";
    const stream = open();
    last().handler.failed(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(links.at(-1)).toEqual({ state: "signed_out" });
    await vi.advanceTimersByTimeAsync(600_000);
    expect(opened).toHaveLength(1);
    session = "signed_in";
    stream.wake();
    expect(opened).toHaveLength(2);
    last().handler.failed(true);
    await vi.advanceTimersByTimeAsync(31_000);
    expect(opened).toHaveLength(3);
  });

  it("asks for the session when the server says bye", async () => {
    session = "signed_out";
    open();
    last().handler.frame(BEAT);
    last().handler.frame({ event: "bye", id: "", data: JSON.stringify({ reason: "signed_out" }) });
    await vi.advanceTimersByTimeAsync(0);
    expect(links.at(-1)).toEqual({ state: "signed_out" });
  });

  it("gives up what says nothing for 45 seconds", async () => {
    open();
    last().handler.frame(BEAT);
    await vi.advanceTimersByTimeAsync(44_000);
    last().handler.frame(BEAT);
    await vi.advanceTimersByTimeAsync(44_000);
    expect(links.at(-1)).toEqual({ state: "live" });
    await vi.advanceTimersByTimeAsync(1_001);
    expect(links.at(-1)).toMatchObject({ state: "reconnecting" });
  });

  it("tries at once when it is woken while it waits, and not when it is live", () => {
    const stream = open();
    last().handler.frame(BEAT);
    stream.wake();
    expect(opened).toHaveLength(1);
    last().handler.failed(false);
    stream.wake();
    expect(opened).toHaveLength(2);
  });

  it("does not come back after its end", async () => {
    open(() => true);
    last().handler.failed(true);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(opened).toHaveLength(1);
    expect(links.at(-1)).toEqual({ state: "idle" });
  });

  it("does nothing when the session is answered after it was closed", async () => {
    const stream = open();
    last().handler.failed(true);
    stream.close();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(opened).toHaveLength(1);
    expect(stream.link).toEqual({ state: "idle" });
  });
});
