import { type HintEvent, type TaskLiveEvent, subjectOf } from "./events";
import { type Position, isLater, laterOf } from "./position";

// Of brief events about a megabyte.
const EVENTS_MAX = 4_000;
// Batches that were counted lately, kinds, schedules: the oldest are forgotten.
const HINTS_MAX = 500;

interface NotedHint {
  event: HintEvent;
  serial: number;
  noted_at: number;
}

/**
 * The recent events of a stream, so that an answer that is older than the stream can be brought up to date.
 *
 * It knows everything that happened after `from` and up to `heard`. Of hints it keeps the newest of each subject, numbered in the
 * order in which they came.
 */
export interface Ring {
  readonly from: Position | null;
  readonly heard: Position | null;
  readonly serial: number;
  /** Begin anew after a position: nothing before it is known. */
  clear: (position: Position | null) => void;
  /** Take an event. Return whether it is later than what was heard. */
  push: (event: TaskLiveEvent) => boolean;
  /** Note that there is nothing else up to a position. */
  reach: (position: Position) => void;
  note: (hint: HintEvent, now: number) => void;
  /** Put earlier events in front, which are all that happened after a position. */
  prepend: (events: readonly TaskLiveEvent[], from: Position) => void;
  /** Return whether it knows everything after a position. */
  covers: (position: Position) => boolean;
  /** Return the events after a position, as far as they are known. */
  after: (position: Position | null) => readonly TaskLiveEvent[];
  /** Return the hints that came after the one with this number. */
  hintsAfter: (serial: number) => readonly HintEvent[];
  /** Return the number of the last hint that came before a moment. */
  serialBefore: (moment: number) => number;
}

/** Return an empty ring that keeps so many events. */
export function createRing(events_max = EVENTS_MAX): Ring {
  let events: TaskLiveEvent[] = [];
  let from: Position | null = null;
  let heard: Position | null = null;
  let serial = 0;
  const hints = new Map<string, NotedHint>();

  function trim(): void {
    // In steps, because each moves all events.
    if (events.length <= events_max + (events_max >> 2)) return;
    const gone = events.splice(0, events.length - events_max);
    from = gone.at(-1)?.position ?? from;
  }

  return {
    get from() {
      return from;
    },
    get heard() {
      return heard;
    },
    get serial() {
      return serial;
    },
    clear(position) {
      events = [];
      from = heard = position;
    },
    push(event) {
      if (heard !== null && !isLater(event.position, heard)) return false;
      events.push(event);
      heard = event.position;
      trim();
      return true;
    },
    reach(position) {
      from ??= position;
      heard = laterOf(heard, position);
    },
    note(event, now) {
      const subject = subjectOf(event);
      serial += 1;
      hints.delete(subject);
      hints.set(subject, { event, serial, noted_at: now });
      const oldest = hints.keys().next();
      if (hints.size > HINTS_MAX && oldest.value !== undefined) hints.delete(oldest.value);
    },
    prepend(earlier, after) {
      if (from === null || !isLater(from, after)) return;
      const known_from = from;
      events = [...earlier.filter((event) => !isLater(event.position, known_from)), ...events];
      from = after;
    },
    covers(position) {
      return from !== null && !isLater(from, position);
    },
    after(position) {
      return position === null ? events : events.slice(firstAfter(events, position));
    },
    hintsAfter(before) {
      const found: HintEvent[] = [];
      for (const hint of hints.values()) if (hint.serial > before) found.push(hint.event);
      return found;
    },
    serialBefore(moment) {
      let last = 0;
      let earliest = serial + 1;
      for (const hint of hints.values()) {
        if (hint.noted_at < moment) last = Math.max(last, hint.serial);
        else earliest = Math.min(earliest, hint.serial);
      }
      return Math.min(Math.max(last, 0), earliest - 1);
    },
  };
}

function firstAfter(events: readonly TaskLiveEvent[], position: Position): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isLater((events[middle] as TaskLiveEvent).position, position)) high = middle;
    else low = middle + 1;
  }
  return low;
}
