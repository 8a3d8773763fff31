import { type InjectionKey, type ShallowRef, shallowRef } from "vue";

import { setServerTime } from "@/design/clock";

import { CONTROLS, type Frame, HINTS, TASK_EVENTS, isOfTask, readControl, readEvent } from "./events";
import { type Position, isLater } from "./position";
import { type Ring, createRing } from "./ring";
import { type Link, SILENCE_MILLISECONDS, createStream } from "./stream";
import { type Message, createTabs } from "./tabs";
import { type World, browser } from "./world";

const NAMES = [...TASK_EVENTS, ...HINTS, ...CONTROLS];
// Whoever goes from one page to the next keeps the stream.
const LINGER_MILLISECONDS = 10_000;
// A stream begins where the first answer stands; when none comes, now.
const FIRST_ANSWER_MILLISECONDS = 1_500;
const LEADER_ANSWERS_MILLISECONDS = 5_000;

/** Whose events: those of the account, or, for administrators, of everybody. */
export type Mount = "member" | "admin";

/** Who wants to know what a feed hears. */
export interface FeedListener {
  /** There are new events or hints in the ring. */
  changed: () => void;
  /** The first stream is open. Hints of what happened since a screen was asked for were not heard. */
  begun?: () => void;
  /** Hints may have been missed, which the ring does not tell: screens are to be asked for again. */
  missed: () => void;
  /** The log does not go on where it was: screens are to be asked for again, from this position on. */
  reset: (position: Position) => void;
}

/** How true it is what a feed tells. `since` is the time of day of the last sign of life. */
export type FeedLink = Exclude<Link, { state: "idle" }> | { state: "stale"; since: number; retry_at: number | null };

/** The events of one mount, in this tab. */
export interface Feed {
  readonly ring: Ring;
  readonly link: Readonly<ShallowRef<FeedLink>>;
  /** The time of day of the last sign of life. */
  readonly heard_at: () => number | null;
  /** Follow the events while anybody listens. Return what stops it. */
  listen: (listener: FeedListener) => () => void;
  /** Say at which position an answer is, so that a stream that has not begun begins there. */
  offer: (position: Position) => void;
  /** Get the events after a position that are not in the ring from another tab. Return whether the ring has them now. */
  cover: (position: Position) => Promise<boolean>;
  /** Try now. */
  reconnect: () => void;
  /** Stop at once, as when the page is left. */
  close: () => void;
}

export interface FeedOptions {
  name: string;
  url: (after: Position | null) => string;
  /** The time of the server, as the stream tells it. */
  serverTime?: (at: string) => void;
}

/** Return a feed, which follows nothing until somebody listens. */
export function createFeed(world: World, options: FeedOptions): Feed {
  const ring = createRing();
  const link = shallowRef<FeedLink>({ state: "connecting" });
  const listeners = new Set<FeedListener>();
  const asked = new Map<Position, { promise: Promise<boolean>; settle: (is_covered: boolean) => void }>();
  let spoke_at = 0;
  let heard_at: number | null = null;
  let was_live = false;
  let is_waiting_for_answer = false;
  let offered: Position | null = null;
  let cancelBegin: (() => void) | null = null;
  let cancelWatch: (() => void) | null = null;
  let cancelLinger: (() => void) | null = null;
  let stopWake: (() => void) | null = null;

  const stream = createStream(world, {
    url: options.url,
    names: NAMES,
    frame(frame) {
      tabs.post({ kind: "frame", prev: ring.heard, frame });
      take(frame);
    },
    link(next) {
      if (!tabs.is_leading) return;
      tabs.post({ kind: "link", link: next, heard: ring.heard });
      become(next);
    },
  });
  const tabs = createTabs(world, options.name, { lead, follow, heard });

  function lead(): void {
    if (ring.heard !== null) {
      stream.open(ring.heard);
      return;
    }
    if (offered !== null) {
      begin(offered);
      return;
    }
    is_waiting_for_answer = true;
    cancelBegin = world.after(FIRST_ANSWER_MILLISECONDS, () => {
      begin(null);
    });
  }

  function begin(after: Position | null): void {
    is_waiting_for_answer = false;
    cancelBegin?.();
    cancelBegin = null;
    if (after !== null) ring.clear(after);
    stream.open(after);
  }

  function follow(): void {
    is_waiting_for_answer = false;
    cancelBegin?.();
    cancelBegin = null;
    stream.close();
  }

  function become(next: Link): void {
    if (next.state === "idle") return;
    if (next.state === "live") {
      note();
      // Hints of what happened meanwhile do not come again.
      if (link.value.state !== "live") tellAll(was_live ? (each) => each.missed() : (each) => each.begun?.());
      was_live = true;
    }
    link.value = isStale(next) ? { state: "stale", since: heard_at ?? 0, retry_at: retryAt(next) } : next;
  }

  function tellAll(tell: (listener: FeedListener) => void): void {
    for (const each of listeners) tell(each);
  }

  function isStale(next: Link): boolean {
    if (next.state !== "reconnecting" || heard_at === null) return false;
    return world.time() - heard_at >= SILENCE_MILLISECONDS;
  }

  function note(): void {
    spoke_at = world.now();
    heard_at = world.time();
  }

  function take(frame: Frame): void {
    note();
    const control = readControl(frame);
    if (control === null) {
      const event = readEvent(frame);
      if (event === null) return;
      if (isOfTask(event)) ring.push(event);
      else ring.note(event, world.now());
    } else if (control.event === "beat") {
      ring.reach(control.position);
      options.serverTime?.(control.at);
    } else if (control.event === "reset") {
      ring.clear(control.position);
      for (const listener of listeners) listener.reset(control.position);
    } else {
      return;
    }
    for (const listener of listeners) listener.changed();
  }

  function heard(message: Message): void {
    switch (message.kind) {
      case "frame":
        if (!tabs.is_leading) takeFromLeader(message.prev, message.frame);
        break;
      case "link":
        if (!tabs.is_leading) join(message.link, message.heard);
        break;
      case "hello":
        if (tabs.is_leading) tabs.post({ kind: "link", link: stream.link, heard: ring.heard });
        break;
      case "wake":
        if (tabs.is_leading) stream.wake();
        break;
      case "offer":
        if (is_waiting_for_answer) begin(message.position);
        break;
      case "replay":
        if (tabs.is_leading) replay(message.by, message.after);
        break;
      case "events":
        if (message.to === tabs.id) takeReplay(message);
        break;
    }
  }

  function join(next: Link, position: Position | null): void {
    note();
    if (ring.heard === null && position !== null) ring.clear(position);
    else if (position !== null && ring.heard !== null && isLater(position, ring.heard)) void fetchMissing(ring.heard);
    become(next);
  }

  function takeFromLeader(prev: Position | null, frame: Frame): void {
    if (frame.id !== "" && frame.event !== "reset") {
      // A stream that begins anew says where with its first beat.
      const begins = prev ?? frame.id;
      if (ring.heard === null) ring.clear(begins);
      else if (isLater(begins, ring.heard)) {
        // Something did not come. What comes now is asked for with it.
        note();
        void fetchMissing(ring.heard);
        return;
      }
    }
    if (link.value.state !== "live") become({ state: "live" });
    take(frame);
  }

  /** Ask the leader for what comes after a position. */
  function fetchMissing(after: Position): Promise<boolean> {
    const known = asked.get(after);
    if (known !== undefined) return known.promise;
    let settle = (_is_covered: boolean): void => undefined;
    const promise = new Promise<boolean>((resolve) => {
      const cancel = world.after(LEADER_ANSWERS_MILLISECONDS, () => {
        settle(false);
      });
      settle = (is_covered) => {
        cancel();
        asked.delete(after);
        resolve(is_covered);
      };
    });
    asked.set(after, { promise, settle });
    tabs.post({ kind: "replay", by: tabs.id, after });
    return promise;
  }

  function replay(by: string, after: Position): void {
    const until = ring.heard ?? after;
    tabs.post({ kind: "events", to: by, after, until, events: ring.covers(after) ? ring.after(after) : null });
  }

  function takeReplay(message: Extract<Message, { kind: "events" }>): void {
    note();
    const { after, until, events } = message;
    if (events === null) {
      // The leader does not know either. What is shown is asked for again, from where the leader is.
      if (ring.heard !== null && isLater(until, ring.heard)) ring.clear(until);
    } else if (ring.from === null || !isLater(ring.from, until)) {
      ring.prepend(events, after);
      for (const event of events) ring.push(event);
      if (ring.covers(after)) ring.reach(until);
    }
    asked.get(after)?.settle(events !== null && ring.covers(after));
    for (const listener of listeners) listener.changed();
  }

  function wake(): void {
    if (tabs.is_leading) {
      stream.wake();
      return;
    }
    tabs.post({ kind: "wake" });
    greet();
  }

  /** Ask the tab that leads how it goes. */
  function greet(): void {
    tabs.post({ kind: "hello" });
    const woken_at = world.now();
    cancelWatch?.();
    // A browser may freeze the tab that leads, though others wait for it.
    cancelWatch = world.after(LEADER_ANSWERS_MILLISECONDS, () => {
      if (!tabs.is_leading && spoke_at < woken_at && world.isVisible()) tabs.takeOver();
      watch();
    });
  }

  /** Say when nothing was heard for too long. Only tabs that follow need to: a stream watches itself. */
  function watch(): void {
    cancelWatch?.();
    const left = Math.max(spoke_at + SILENCE_MILLISECONDS - world.now(), 1_000);
    cancelWatch = world.after(left, () => {
      if (tabs.is_leading || world.now() - spoke_at < SILENCE_MILLISECONDS) {
        watch();
        return;
      }
      if (link.value.state !== "signed_out" && heard_at !== null) link.value = { state: "stale", since: heard_at, retry_at: null };
      wake();
    });
  }

  function start(): void {
    cancelLinger?.();
    cancelLinger = null;
    if (stopWake !== null) return;
    stopWake = world.onWake(wake);
    spoke_at = world.now();
    tabs.join();
    greet();
  }

  function stop(): void {
    stopWake?.();
    cancelWatch?.();
    stopWake = cancelWatch = cancelLinger = null;
    tabs.leave();
    // What happens from now on is not heard.
    ring.clear(null);
    offered = null;
  }

  return {
    ring,
    link,
    heard_at: () => heard_at,
    listen(listener) {
      listeners.add(listener);
      start();
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) cancelLinger ??= world.after(LINGER_MILLISECONDS, stop);
      };
    },
    offer(position) {
      offered = position;
      if (is_waiting_for_answer) begin(position);
      else if (!tabs.is_leading && ring.heard === null) tabs.post({ kind: "offer", position });
      // Who gets an answer is signed in.
      else if (link.value.state === "signed_out") wake();
    },
    cover(position) {
      if (ring.covers(position)) return Promise.resolve(true);
      return tabs.is_leading ? Promise.resolve(false) : fetchMissing(position);
    },
    reconnect: wake,
    close: () => {
      listeners.clear();
      cancelLinger?.();
      if (stopWake !== null) stop();
    },
  };
}

function retryAt(link: Link): number | null {
  return link.state === "reconnecting" ? link.retry_at : null;
}

/** Gives the feed of a mount to screens, where it is not that of this page. */
export const FEEDS: InjectionKey<(mount: Mount) => Feed> = Symbol("feeds");

const feeds = new Map<Mount, Feed>();

/** Return the feed of a mount. There is one in a tab. */
export function feedOf(mount: Mount): Feed {
  let feed = feeds.get(mount);
  if (feed === undefined) {
    const path = `/bff/v1/${mount}/events`;
    feed = createFeed(browser, {
      // Another name where tabs say other things to each other, so that pages of two versions leave each other alone.
      name: `headrace-live-2-${mount}`,
      url: (after) => (after === null ? path : `${path}?after=${encodeURIComponent(after)}`),
      serverTime: setServerTime,
    });
    feeds.set(mount, feed);
  }
  return feed;
}
