import { QueryClient, VueQueryPlugin, queryOptions } from "@tanstack/vue-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createApp } from "vue";

import { FEEDS, type FeedListener, createFeed } from "./feed";
import { createServer } from "./testing/server";
import { Browser, Tab } from "./testing/tabs";
import { useScreen } from "./useScreen";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a screen that was answered before the first stream was open", () => {
  it.each([
    { position: undefined, times: 2, what: "is asked for again when only hints keep it right" },
    { position: "1-7", times: 1, what: "is not asked for again when it gets the events since its answer" },
  ])("$what", async ({ position, times }) => {
    let asked = 0;
    const ask = async (): Promise<{ at: string; position?: string }> => {
      asked += 1;
      return Promise.resolve({ at: "2026-01-01T00:00:00Z", ...(position === undefined ? {} : { position }) });
    };
    const feed = createFeed(
      new Tab(
        new Browser(
          createServer(() => 1),
          Math.random,
        ),
      ).world,
      { name: "live", url: () => "/events" },
    );
    const listeners: FeedListener[] = [];
    const listened = { ...feed, listen: (listener: FeedListener) => (listeners.push(listener), () => undefined) };
    const app = createApp({
      setup() {
        useScreen(() => queryOptions({ queryKey: [{ id: "users" }], queryFn: ask }), { mount: "admin" });
        return () => null;
      },
    });
    app.use(VueQueryPlugin, { queryClient: new QueryClient() });
    app.provide(FEEDS, () => listened);
    app.mount(document.createElement("div"));
    await vi.advanceTimersByTimeAsync(100);
    expect(asked).toBe(1);
    for (const each of listeners) each.begun?.();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toBe(times);
    app.unmount();
  });
});
