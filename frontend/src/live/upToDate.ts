import type { LiveEvent } from "./events";
import { type Position, laterOf } from "./position";
import type { Ring } from "./ring";

/** What every screen's answer has. Those of no part of the log have no position. */
export interface ScreenData {
  at: string;
  position?: Position | null;
  stale?: readonly { part: string }[];
}

/** Return a screen after an event; the same one when the event changes nothing in it. */
export type Reduce<Screen> = (screen: Screen, event: LiveEvent) => Screen;

interface Applied {
  position: Position | null;
  serial: number;
}

// Up to where an answer, or what became of it, has the events and hints. It goes with the data, whoever else keeps that.
const applied = new WeakMap<object, Applied>();

// How long before a request a hint may have come that its answer does not know yet: screens are kept for a second.
const CACHED_MILLISECONDS = 1_500;

/** Note where an answer stands that was asked for at a moment. */
export function noteAnswer<Screen extends ScreenData>(screen: Screen, ring: Ring, asked_at: number): void {
  applied.set(screen, {
    position: screen.position ?? ring.heard,
    serial: ring.serialBefore(asked_at - CACHED_MILLISECONDS),
  });
}

/** Note that a screen was made of another one, and has the same events. */
export function noteSame(screen: object, as: object): void {
  const known = applied.get(as);
  if (known !== undefined) applied.set(screen, known);
}

/** Return whether events are missing between a screen and those that a ring knows. */
export function hasGap(screen: object, ring: Ring): boolean {
  const position = applied.get(screen)?.position ?? null;
  return position !== null && ring.from !== null && !ring.covers(position);
}

/**
 * Return a screen with everything in it that a ring knows; the same screen when that is nothing new.
 *
 * Each event and each hint is given to `reduce` once for each answer, and `seen` is told those that came.
 */
export function bringUpToDate<Screen extends object>(
  screen: Screen,
  ring: Ring,
  reduce: Reduce<Screen>,
  seen?: (event: LiveEvent, screen: Screen) => void,
): Screen {
  const known = applied.get(screen);
  if (known === undefined) return screen;
  let next = screen;
  for (const event of [...ring.after(known.position), ...ring.hintsAfter(known.serial)]) {
    next = reduce(next, event);
    seen?.(event, next);
  }
  applied.set(next, { position: laterOf(known.position, ring.heard), serial: ring.serial });
  return next;
}
