import { onScopeDispose, watch } from "vue";

import { CONTROLS, FULL_TASK_EVENTS, type FullTaskEvent, readControl, readFullEvent } from "./events";
import { type Position, isLater, laterOf } from "./position";
import { createStream } from "./stream";
import { type World, browser } from "./world";

// What is put again onto an answer that was on its way meanwhile.
const RECENT_MAX = 2_000;
const NAMES = [...FULL_TASK_EVENTS, ...CONTROLS];

export interface TaskStreamOptions {
  /** After which position to begin: that of the answer that the page shows. The stream waits while it is null. */
  after: () => Position | null;
  /** Whether the task is not over. Of one that is, there is nothing to follow. */
  active: () => boolean;
  /** Whose task it is, where an administrator looks at that of somebody else. */
  owner?: () => string | null;
  /** The log does not go on where it was: the page is to be asked for again, from this position on. */
  reset?: (position: Position) => void;
}

/** What was heard of the task. */
export interface TaskStream {
  /** The events that came lately, oldest first. */
  recent: () => readonly FullTaskEvent[];
}

/**
 * Follow one task in full, with its log lines, what it streams, and its result, for as long as it is not over and the page is visible.
 *
 * @param task - Gives the id of the task.
 * @param on - Is told each event once, in the order of the log.
 */
export function useTaskStream(
  task: () => string | null,
  on: (event: FullTaskEvent) => void,
  options: TaskStreamOptions,
  world: World = browser,
): TaskStream {
  let followed: string | null = null;
  let heard: Position | null = null;
  let recent: FullTaskEvent[] = [];
  let has_ended = false;

  const stream = createStream(world, {
    names: NAMES,
    url(after) {
      const owner = options.owner?.() ?? null;
      const query = new URLSearchParams();
      if (after !== null) query.set("after", after);
      if (owner !== null) query.set("owner", owner);
      return `/api/v1/tasks/${encodeURIComponent(followed ?? "")}/events?${query.toString()}`;
    },
    // The server closes it after the end, and would answer 204 to whoever comes again.
    isDone: () => has_ended,
    link: () => undefined,
    frame(frame) {
      const control = readControl(frame);
      if (control?.event === "reset") {
        heard = control.position;
        recent = [];
        options.reset?.(control.position);
      }
      if (control !== null) return;
      const event = readFullEvent(frame);
      if (event === null || (heard !== null && !isLater(event.position, heard))) return;
      heard = event.position;
      has_ended = event.event === "finished";
      recent.push(event);
      if (recent.length > 2 * RECENT_MAX) recent = recent.slice(-RECENT_MAX);
      on(event);
    },
  });

  function adjust(): void {
    const wanted = task();
    if (wanted !== followed) {
      stream.close();
      followed = wanted;
      heard = null;
      recent = [];
      has_ended = false;
    }
    const after = options.after();
    const is_wanted = wanted !== null && after !== null && options.active() && world.isVisible();
    if (!is_wanted) {
      if (stream.link.state !== "idle") stream.close();
    } else if (stream.link.state === "idle") {
      has_ended = false;
      heard = laterOf(heard, after);
      stream.open(heard);
    }
  }

  watch([task, () => options.after() !== null, options.active], adjust, { immediate: true, flush: "sync" });
  document.addEventListener("visibilitychange", adjust);
  const stopWake = world.onWake(() => {
    stream.wake();
  });
  onScopeDispose(() => {
    document.removeEventListener("visibilitychange", adjust);
    stopWake();
    stream.close();
  });
  return { recent: () => recent };
}
