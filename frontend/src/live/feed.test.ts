import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { type Feed, createFeed } from "./feed";
import { createServer } from "./testing/server";
import { Browser, Tab } from "./testing/tabs";

function room(): { server: ReturnType<typeof createServer>; browser: Browser; open: () => { tab: Tab; feed: Feed; missed: () => number } } {
  const server = createServer(() => 1);
  const browser = new Browser(server, Math.random);
  return {
    server,
    browser,
    open() {
      const tab = new Tab(browser);
      const feed = createFeed(tab.world, { name: "live", url: (after) => `/events?${after === null ? "" : `after=${after}`}` });
      let missed = 0;
      feed.listen({ changed: () => undefined, missed: () => (missed += 1), reset: () => undefined });
      return { tab, feed, missed: () => missed };
    },
  };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the tabs of a browser", () => {
  it("hold one stream, thirty of them as well as two, and all hear everything", async () => {
    const { server, open } = room();
    const pages = Array.from({ length: 30 }, open);
    await vi.advanceTimersByTimeAsync(3_000);
    server.happen();
    server.happen();
    await vi.advanceTimersByTimeAsync(50);
    expect(server.opened).toBe(1);
    for (const page of pages) {
      expect(page.feed.ring.heard).toBe("1-2");
      expect(page.feed.link.value).toEqual({ state: "live" });
    }
    // Thirty tabs that talk to each other take their time on a busy machine.
  }, 60_000);

  it("tell each other in one message what came together", async () => {
    const { server, browser, open } = room();
    const [, second] = [open(), open()];
    await vi.advanceTimersByTimeAsync(3_000);
    const before = browser.posted;
    for (let each = 0; each < 50; each += 1) server.happen();
    await vi.advanceTimersByTimeAsync(50);
    expect(second.feed.ring.heard).toBe("1-50");
    expect(browser.posted).toBe(before + 1);
  });

  it("hear once that the first stream is open, since hints begin with it", async () => {
    const { server, browser } = room();
    const feed = createFeed(new Tab(browser).world, { name: "live", url: () => "/events" });
    let [begun, missed] = [0, 0];
    feed.listen({ changed: () => undefined, begun: () => (begun += 1), missed: () => (missed += 1), reset: () => undefined });
    expect([begun, missed]).toEqual([0, 0]);
    await vi.advanceTimersByTimeAsync(3_000);
    expect([begun, missed]).toEqual([1, 0]);
    server.cut();
    await vi.advanceTimersByTimeAsync(10_000);
    expect([begun, missed]).toEqual([1, 1]);
  });

  it("lose nothing when the one that leads is closed", async () => {
    const { server, open } = room();
    const [first, second] = [open(), open()];
    await vi.advanceTimersByTimeAsync(3_000);
    server.happen();
    await vi.advanceTimersByTimeAsync(50);
    first.feed.close();
    server.happen();
    server.happen();
    await vi.advanceTimersByTimeAsync(50);
    expect(server.open_count).toBe(1);
    expect(second.feed.ring.after(null).map((event) => event.position)).toEqual(["1-1", "1-2", "1-3"]);
    // Hints of the moment in between do not come again.
    expect(second.missed()).toBe(1);
  });

  it("take over from one that the browser has frozen", async () => {
    const { server, open } = room();
    const [first, second] = [open(), open()];
    await vi.advanceTimersByTimeAsync(3_000);
    first.tab.freeze();
    await vi.advanceTimersByTimeAsync(60_000);
    server.happen();
    await vi.advanceTimersByTimeAsync(50);
    expect(second.feed.ring.heard).toBe("1-1");
    first.tab.thaw();
    await vi.advanceTimersByTimeAsync(50);
    expect(server.open_count).toBe(1);
    expect(first.feed.ring.heard).toBe("1-1");
  });

  it("let a visible one have the stream tried at once", async () => {
    const { server, open } = room();
    const [first, second] = [open(), open()];
    await vi.advanceTimersByTimeAsync(3_000);
    server.is_up = false;
    server.cut();
    await vi.advanceTimersByTimeAsync(40_000);
    expect(second.feed.link.value.state).not.toBe("live");
    server.is_up = true;
    second.tab.wake();
    await vi.advanceTimersByTimeAsync(50);
    expect(first.feed.link.value.state).toBe("live");
    expect(second.feed.link.value.state).toBe("live");
  });

  it("say since when they are stale", async () => {
    const { server, open } = room();
    const page = open();
    await vi.advanceTimersByTimeAsync(3_000);
    const heard_at = page.feed.heard_at();
    server.is_up = false;
    server.cut();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(page.feed.link.value).toMatchObject({ state: "stale", since: heard_at });
  });

  it("hold a stream each where they cannot share", async () => {
    const { server, browser, open } = room();
    browser.has_locks = false;
    open();
    open();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(server.open_count).toBe(2);
  });

  it("let go of the stream when nothing listens any more, but not from one page to the next", async () => {
    const { server, open } = room();
    const { feed } = open();
    const listener = { changed: () => undefined, missed: () => undefined, reset: () => undefined };
    const stop = feed.listen(listener);
    await vi.advanceTimersByTimeAsync(3_000);
    stop();
    feed.listen(listener);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(server.opened).toBe(1);
    feed.close();
    await vi.advanceTimersByTimeAsync(50);
    expect(server.open_count).toBe(0);
  });
});
