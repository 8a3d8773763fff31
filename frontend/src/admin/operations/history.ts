import type { KindOperations } from "@/api/admin";

/** What waits and runs at one moment, of all kinds and of each. */
export interface Moment {
  at: number;
  waiting: number;
  running: number;
  kinds: Record<string, { waiting: number; running: number }>;
}

/** As many moments are kept: ten minutes of one every two seconds. */
export const MOMENTS_MAX = 300;
/** Gauges come so often. */
export const MOMENT_MILLISECONDS = 2_000;

/** Returns the moments with one more, without those for which there is no room. A moment that is not later than the last is left out. */
export function addMoment(moments: readonly Moment[], moment: Moment): readonly Moment[] {
  const last = moments.at(-1);
  if (last !== undefined && moment.at <= last.at) return moments;
  return [...moments.slice(Math.max(0, moments.length + 1 - MOMENTS_MAX)), moment];
}

/** Returns what waits and runs at a time, in milliseconds, which becomes the last beat of two seconds. */
export function momentOf(kinds: KindOperations[], at: number): Moment {
  const moment: Moment = { at: Math.floor(at / MOMENT_MILLISECONDS) * MOMENT_MILLISECONDS, waiting: 0, running: 0, kinds: {} };
  for (const kind of kinds) {
    const waiting = waitingOf(kind);
    moment.kinds[kind.name] = { waiting, running: kind.in_flight };
    moment.waiting += waiting;
    moment.running += kind.in_flight;
  }
  return moment;
}

/** Returns how many tasks of a kind wait, whatever their priority. */
export function waitingOf(kind: KindOperations): number {
  return kind.waiting.high + kind.waiting.normal + kind.waiting.low;
}
