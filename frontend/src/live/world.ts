// What the streams need of the browser, in one place, so that a test can be the browser of many tabs, with a clock of its own.
import { send } from "@/api/transport";

import type { Frame } from "./events";

/** What becomes of an `EventSource`. */
export interface EventsHandler {
  frame: (frame: Frame) => void;
  /** It is over: for good when the browser would not come back by itself, as after 401, 204, or an answer that is no stream. */
  failed: (for_good: boolean) => void;
}

/** A lock that one tab of the browser holds. */
export interface LockRequest {
  /** Give up waiting for it, or holding it. */
  release: () => void;
}

/** A way to all other tabs of the browser. */
export interface Channel {
  post: (message: unknown) => void;
  close: () => void;
}

/** Whether somebody is signed in, as far as the server says. */
export type SessionAnswer = "signed_in" | "signed_out" | "unknown";

/** The browser. */
export interface World {
  /** Milliseconds of a clock that only goes forward. */
  now: () => number;
  /** The time of day, in milliseconds since 1970. */
  time: () => number;
  random: () => number;
  /** Call back later. Return what prevents it. */
  after: (milliseconds: number, act: () => void) => () => void;
  /** Call back after what the browser does now, also in a page that is hidden, whose timers go off once a minute. */
  soon: (act: () => void) => void;
  openEvents: (url: string, names: readonly string[], handler: EventsHandler) => () => void;
  /** Ask for a lock, or take it from whoever has it; null where tabs cannot share. `lost` is called when it is taken away. */
  lock: (name: string, steal: boolean, held: () => void, lost: () => void) => LockRequest | null;
  channel: (name: string, heard: (message: unknown) => void) => Channel | null;
  isVisible: () => boolean;
  /** Call back when there is a network again, or the page is looked at again. Return what stops it. */
  onWake: (act: () => void) => () => void;
  askSession: () => Promise<SessionAnswer>;
}

const awaited: (() => void)[] = [];
const { port1: told, port2: teller } = new MessageChannel();
told.addEventListener("message", () => {
  for (const act of awaited.splice(0)) act();
});
told.start();

/** The browser that this page is in. */
export const browser: World = {
  now: () => performance.now(),
  time: () => Date.now(),
  random: () => Math.random(),
  after(milliseconds, act) {
    const timer = setTimeout(act, milliseconds);
    return () => {
      clearTimeout(timer);
    };
  },
  soon(act) {
    if (awaited.push(act) > 1) return;
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has one origin
    teller.postMessage(null);
  },
  openEvents(url, names, handler) {
    const source = new EventSource(url);
    for (const name of names) {
      source.addEventListener(name, (event: MessageEvent<string>) => {
        handler.frame({ event: name, id: event.lastEventId, data: event.data });
      });
    }
    source.addEventListener("error", () => {
      const for_good = source.readyState === EventSource.CLOSED;
      source.close();
      handler.failed(for_good);
    });
    return () => {
      source.close();
    };
  },
  lock(name, steal, held, lost) {
    // Without a secure context there are none, as on a plain address in a local network.
    if (!("locks" in navigator) || !("BroadcastChannel" in globalThis)) return null;
    const controller = new AbortController();
    let release = (): void => {
      controller.abort();
    };
    let is_released = false;
    const options: LockOptions = steal ? { steal: true } : { signal: controller.signal };
    const until_released = navigator.locks.request(name, options, () => {
      if (is_released) return undefined;
      return new Promise<void>((resolve) => {
        release = resolve;
        held();
      });
    });
    until_released.catch(() => {
      // Another tab has taken it, or it is not wanted any more.
      if (!is_released) lost();
    });
    return {
      release() {
        is_released = true;
        release();
      },
    };
  },
  channel(name, heard) {
    if (!("BroadcastChannel" in globalThis)) return null;
    const channel = new BroadcastChannel(name);
    channel.addEventListener("message", (event: MessageEvent<unknown>) => {
      heard(event.data);
    });
    return {
      post(message) {
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has one origin
        channel.postMessage(message);
      },
      close() {
        channel.close();
      },
    };
  },
  isVisible: () => !document.hidden,
  onWake(act) {
    const whenShown = (): void => {
      if (!document.hidden) act();
    };
    addEventListener("online", act);
    document.addEventListener("visibilitychange", whenShown);
    return () => {
      removeEventListener("online", act);
      document.removeEventListener("visibilitychange", whenShown);
    };
  },
  async askSession() {
    try {
      const answer = await send("/bff/v1/session", { credentials: "same-origin" });
      if (answer.status === 401) return "signed_out";
      return answer.ok ? "signed_in" : "unknown";
    } catch {
      return "unknown";
    }
  },
};
