import { reconnectDelay } from "../../client/src/pace.js";

import { type Frame, readControl } from "./events";
import type { Position } from "./position";
import type { World } from "./world";

// The server says something every 15 seconds.
export const SILENCE_MILLISECONDS = 45_000;

/** How a stream is. `retry_at` is a time of day, and null while it is tried. */
export type Link =
  | { state: "idle" }
  | { state: "connecting" }
  | { state: "live" }
  | { state: "reconnecting"; retry_at: number | null }
  | { state: "signed_out" };

export interface StreamOptions {
  /** Return the address of what comes after a position. */
  url: (after: Position | null) => string;
  names: readonly string[];
  /** A frame came. Those that say something about the stream itself come as well. */
  frame: (frame: Frame) => void;
  link: (link: Link) => void;
  /** Whether it has said everything that there is, and is not to be opened again when it ends. */
  isDone?: () => boolean;
}

/** A stream that comes back by itself. */
export interface Stream {
  readonly link: Link;
  open: (after: Position | null) => void;
  close: () => void;
  /** Try now, if it waits to be tried or has been silent for too long. */
  wake: () => void;
}

/** Return a stream that is not open yet. */
export function createStream(world: World, options: StreamOptions): Stream {
  let link: Link = { state: "idle" };
  let after: Position | null = null;
  let failures = 0;
  let spoke_at = 0;
  let closeEvents: (() => void) | null = null;
  let cancelTimer: (() => void) | null = null;
  // Answers about the session that come when the stream was closed meanwhile mean nothing.
  let life = 0;

  function become(next: Link): void {
    link = next;
    options.link(next);
  }

  function quit(): void {
    life += 1;
    closeEvents?.();
    cancelTimer?.();
    closeEvents = cancelTimer = null;
  }

  function connect(): void {
    quit();
    spoke_at = world.now();
    become(failures === 0 && link.state !== "reconnecting" ? { state: "connecting" } : { state: "reconnecting", retry_at: null });
    closeEvents = world.openEvents(options.url(after), options.names, { frame: take, failed });
    watch();
  }

  function watch(): void {
    const left = spoke_at + SILENCE_MILLISECONDS - world.now();
    cancelTimer = world.after(Math.max(left, 0), () => {
      if (world.now() - spoke_at >= SILENCE_MILLISECONDS) failed(false);
      else watch();
    });
  }

  function take(frame: Frame): void {
    spoke_at = world.now();
    const control = readControl(frame);
    if (control?.event === "problem") {
      wait();
      return;
    }
    if (control?.event === "bye") {
      failed(true);
      return;
    }
    if (frame.id !== "") after = frame.id;
    failures = 0;
    if (link.state !== "live") become({ state: "live" });
    options.frame(frame);
  }

  function failed(for_good: boolean): void {
    quit();
    if (options.isDone?.() === true) {
      become({ state: "idle" });
      return;
    }
    if (!for_good) {
      wait();
      return;
    }
    become({ state: "reconnecting", retry_at: null });
    const asked_in = life;
    void judge(asked_in);
  }

  async function judge(asked_in: number): Promise<void> {
    const answer = await world.askSession();
    if (life !== asked_in) return;
    if (answer === "signed_out") become({ state: "signed_out" });
    else wait();
  }

  function wait(): void {
    quit();
    const delay = reconnectDelay(failures, world.random);
    failures += 1;
    become({ state: "reconnecting", retry_at: world.time() + delay });
    cancelTimer = world.after(delay, connect);
  }

  return {
    get link() {
      return link;
    },
    open(position) {
      after = position;
      failures = 0;
      connect();
    },
    close() {
      quit();
      become({ state: "idle" });
    },
    wake() {
      if (link.state === "idle") return;
      const is_waiting = link.state === "signed_out" || (link.state === "reconnecting" && link.retry_at !== null);
      if (is_waiting || world.now() - spoke_at >= SILENCE_MILLISECONDS) connect();
    },
  };
}
