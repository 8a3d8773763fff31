import { QueryClient, VueQueryPlugin, queryOptions } from "@tanstack/vue-query";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type App, createApp } from "vue";

import { ApiError } from "@/api/errors";
import type { TaskRow } from "@/api/member";

import { isOfTask } from "./events";
import { FEEDS, type Feed, createFeed } from "./feed";
import { newRow, reduceCounts, reduceRows } from "./reduce";
import { type Answer, type Server, createServer } from "./testing/server";
import { Browser, Tab } from "./testing/tabs";
import { type Screen, useScreen } from "./useScreen";

const BEAT_MILLISECONDS = 15_000;
const SETTLED_MILLISECONDS = 200_000;

interface Opened {
  tab: Tab;
  feed: Feed;
  screen: Screen<Answer>;
  client: QueryClient;
  app: App;
}

/** The browser of a test: a server, and pages that show its tasks. */
class Session {
  readonly server: Server;
  readonly browser: Browser;
  readonly pages: Opened[] = [];
  private readonly beat: ReturnType<typeof setInterval>;

  constructor(private readonly choose: (below: number) => number) {
    this.server = createServer(choose);
    this.browser = new Browser(this.server, () => choose(1_000) / 1_000);
    this.beat = setInterval(() => {
      this.server.beat();
    }, BEAT_MILLISECONDS);
  }

  openPage(): Opened {
    const tab = new Tab(this.browser);
    const feed = createFeed(tab.world, { name: "live", url: (after) => `/events?${after === null ? "" : `after=${after}`}` });
    const client = new QueryClient();
    let screen: Screen<Answer> | undefined;
    const app = createApp({
      setup: () => {
        screen = useScreen(() => queryOptions({ queryKey: [{ id: "tasks" }], queryFn: (context) => this.ask(context.queryKey) }), {
          mount: "member",
          reduce(shown, event) {
            const begun = newRow(event);
            if (begun !== null && !shown.items.some((row) => row.id === begun.id)) return { ...shown, items: [begun, ...shown.items] };
            if (event.event === "counts") {
              const counts = { pending: 0, queued: 0, running: shown.running, succeeded: 0, failed: 0, cancelled: 0 };
              return { ...shown, running: reduceCounts(counts, event).running };
            }
            const items = reduceRows(shown.items, event);
            return items === shown.items ? shown : { ...shown, items };
          },
          // The beginning of a task that was cancelled at once may have left the log.
          refetch_on: (event, shown) => isOfTask(event) && event.event !== "deleted" && !shown.items.some((row) => row.id === event.task),
        });
        return () => null;
      },
    });
    app.use(VueQueryPlugin, { queryClient: client });
    app.provide(FEEDS, () => feed);
    app.mount(document.createElement("div"));
    const opened = { tab, feed, screen: screen as unknown as Screen<Answer>, client, app };
    this.pages.push(opened);
    return opened;
  }

  closePage(index: number): void {
    const [closed] = this.pages.splice(index, 1);
    closed?.app.unmount();
    closed?.tab.freeze();
    closed?.client.clear();
    // A tab that is closed lets go at once.
    closed?.feed.close();
  }

  private async ask(key: readonly unknown[]): Promise<Answer> {
    const { query } = key[0] as { query?: { at_least?: string } };
    const late = this.choose(2) === 0;
    const early = this.server.answer(query?.at_least ?? null);
    await new Promise((resolve) => {
      setTimeout(resolve, this.choose(300));
    });
    const answer = late ? this.server.answer(query?.at_least ?? null) : early;
    if (answer === null) throw new ApiError(0, "unreachable", "nothing answers");
    return answer;
  }

  end(): void {
    clearInterval(this.beat);
    while (this.pages.length > 0) this.closePage(0);
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Return a row without what its events do not tell: whether a run was withdrawn that had begun while nobody listened. */
function told(row: TaskRow): object {
  return row.state === "cancelled" ? { ...row, started_at: null, wait_seconds: null, files: 0 } : row;
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("happen" as const), n: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("project" as const, "wait" as const), n: fc.integer({ min: 0, max: 9 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom(
        ...(["open", "close", "cut", "down", "up", "freeze", "thaw", "deaf", "hear", "forget", "remake", "refetch", "wake"] as const),
      ),
      n: fc.integer({ min: 0, max: 9 }),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

const WAITS = [0, 1, 3, 20, 120, 400, 2_500, 6_000, 20_000, 60_000];

async function take(session: Session, { do: what, n }: Step): Promise<void> {
  const { server, pages } = session;
  const page = pages[n % pages.length] as Opened;
  switch (what) {
    case "happen":
      for (let count = 0; count < n; count += 1) server.happen();
      break;
    case "project":
      server.project();
      break;
    case "wait":
      await vi.advanceTimersByTimeAsync(WAITS[n] ?? 0);
      break;
    case "open":
      if (pages.length < 4) session.openPage();
      break;
    case "close":
      if (pages.length > 1) session.closePage(n % pages.length);
      break;
    case "cut":
      server.cut();
      break;
    case "down":
      server.is_up = false;
      server.cut();
      break;
    case "up":
      server.is_up = true;
      break;
    case "freeze":
      page.tab.freeze();
      break;
    case "thaw":
      page.tab.thaw();
      break;
    case "deaf":
      page.tab.deaf = true;
      break;
    case "hear":
      page.tab.deaf = false;
      break;
    case "forget":
      server.forget();
      break;
    case "remake":
      server.remake();
      break;
    case "refetch":
      page.screen.refetch();
      break;
    case "wake":
      page.tab.wake();
      break;
  }
  await vi.advanceTimersByTimeAsync(2);
}

describe("a page that follows", () => {
  it("ends equal to a fresh answer, whatever was cut, frozen, lost or reset, in whichever order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 60 }),
        fc.infiniteStream(fc.nat({ max: 2 ** 30 })),
        fc.boolean(),
        async (steps, numbers, has_locks) => {
          const session = new Session((below) => (numbers.next().value as number) % below);
          session.browser.has_locks = has_locks;
          try {
            session.openPage();
            session.openPage();
            for (const each of steps) await take(session, each);
            session.server.is_up = true;
            for (const page of session.pages) {
              page.tab.deaf = false;
              page.tab.thaw();
            }
            session.server.project();
            await vi.advanceTimersByTimeAsync(SETTLED_MILLISECONDS);
            const fresh = session.server.answer(null) as Answer;
            for (const page of session.pages) {
              expect(page.screen.data.value?.items.map(told)).toEqual(fresh.items.map(told));
              expect(page.screen.data.value?.running).toBe(fresh.running);
              expect(page.screen.resetting.value).toBe(false);
              expect(page.screen.error.value).toBeNull();
              expect(page.feed.link.value.state).toBe("live");
            }
            expect(session.server.open_count).toBe(has_locks ? 1 : session.pages.length);
          } finally {
            session.end();
            vi.clearAllTimers();
          }
        },
      ),
      { numRuns: Number(process.env["HEADRACE_PROPERTY_RUNS"] ?? 60) },
    );
  }, 120_000);
});
