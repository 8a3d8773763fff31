import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { effectScope, type EffectScope } from "vue";

import { type Followed, pageAddress, streamAddress, useFollow } from "./follow";

class FakeSource extends EventTarget {
  readyState = 1;
  constructor(readonly url: string) {
    super();
    opened.push(this);
  }
  close(): void {
    this.readyState = 2;
  }
  say(name: string, data: object, id: string): void {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data), lastEventId: id }));
  }
  fail(ready_state: number): void {
    this.readyState = ready_state;
    this.dispatchEvent(new Event("error"));
  }
}
let opened: FakeSource[] = [];
let scope: EffectScope;

function follow(
  ask: typeof fetch,
  is_last: (name: string) => boolean = (name) => name === "finished",
): { followed: Followed; heard: string[] } {
  const heard: string[] = [];
  const followed = scope.run(() =>
    useFollow("/stream?token=x", {
      names: ["started", "finished"],
      on: (name) => {
        heard.push(name);
        return is_last(name);
      },
      open: (address) => new FakeSource(address) as unknown as EventSource,
      ask,
    }),
  );
  if (followed === undefined) throw new Error("the scope is over");
  return { followed, heard };
}

beforeEach(() => {
  opened = [];
  scope = effectScope();
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", { CLOSED: 2 });
});
afterEach(() => {
  scope.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a follow link", () => {
  it("is followed to the end, and then let go", () => {
    const { followed, heard } = follow(vi.fn<typeof fetch>());
    opened[0]?.say("started", {}, "1-1");
    expect(followed.state.value).toBe("live");
    opened[0]?.say("finished", {}, "1-2");
    opened[0]?.fail(0);
    expect(followed.state.value).toBe("over");
    expect(heard).toEqual(["started", "finished"]);
    expect(opened[0]?.readyState).toBe(2);
  });

  it("that is not valid is said to be so, with the problem of the API", async () => {
    const { followed } = follow(async () => Response.json({ error_code: "invalid_follow_token", message: "no" }, { status: 401 }));
    opened[0]?.fail(2);
    await vi.advanceTimersByTimeAsync(0);
    expect(followed.state.value).toBe("refused");
    expect(followed.error.value?.code).toBe("invalid_follow_token");
  });

  it("with nothing more to come is over", async () => {
    const { followed } = follow(async () => new Response(null, { status: 204 }));
    opened[0]?.fail(2);
    await vi.advanceTimersByTimeAsync(0);
    expect(followed.state.value).toBe("over");
  });

  it("is opened again after the last event when nothing answers, later and later", async () => {
    const { followed } = follow(() => Promise.reject(new TypeError("lost")));
    opened[0]?.say("started", {}, "1-7");
    opened[0]?.fail(2);
    await vi.advanceTimersByTimeAsync(0);
    expect(followed.state.value).toBe("reconnecting");
    expect(followed.error.value?.unreachable).toBe(true);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(opened[1]?.url).toBe("/stream?token=x&after=1-7");
    opened[1]?.fail(2);
    await vi.advanceTimersByTimeAsync(1_900);
    expect(opened).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(200);
    expect(opened).toHaveLength(3);
  });

  it("is opened again when nothing was heard for longer than a beat", async () => {
    follow(vi.fn<typeof fetch>());
    opened[0]?.say("started", {}, "1-1");
    await vi.advanceTimersByTimeAsync(46_000);
    expect(opened).toHaveLength(2);
    expect(opened[0]?.readyState).toBe(2);
  });

  it("is let go when the page is left", async () => {
    follow(vi.fn<typeof fetch>());
    opened[0]?.say("started", {}, "1-1");
    scope.stop();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(opened).toHaveLength(1);
    expect(opened[0]?.readyState).toBe(2);
  });
});

describe("the address of a page that follows", () => {
  const link = "https://headrace.example/api/v1/follow/tasks/01a/events?token=WyJ0.vQ-_";

  it("has the token where no browser sends it to a server", () => {
    const page = new URL(pageAddress(link));
    expect(page.pathname).toBe("/follow/tasks/01a");
    expect(page.search).toBe("");
    expect(page.origin).toBe("https://headrace.example");
    expect(streamAddress("tasks", "01a", page.hash)).toBe("/api/v1/follow/tasks/01a/events?token=WyJ0.vQ-_");
  });

  it("is not complete without it", () => {
    expect(streamAddress("tasks", "01a", "")).toBeNull();
    expect(streamAddress("tasks", "01a", "#token=")).toBeNull();
  });
});
