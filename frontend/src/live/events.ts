import type { Batch, Beat, BriefTaskEvent, Bye, Gauges, KindHint, OwnerCounts, Problem, Reset, ScheduleHint, UserHint } from "@/api/admin";
import type { TaskEvent } from "@/api/core";

import type { Position } from "./position";

/** What happened to a task, as lists are told it. The fields of the event stand beside its position in the log. */
export type TaskLiveEvent = BriefTaskEvent & { position: Position };

/** What is known of something at the moment. Of each subject the newest replaces what was known. */
export type HintEvent =
  | { event: "counts"; position: null; hint: OwnerCounts }
  | { event: "counted" | "settled"; position: null; hint: Batch }
  | { event: "kind"; position: null; hint: KindHint }
  | { event: "schedule"; position: null; hint: ScheduleHint }
  | { event: "gauges"; position: null; hint: Gauges }
  | { event: "users"; position: null; hint: UserHint };

/** What a screen is told: an event of the log, which has a position, or a hint, which has none. */
export type LiveEvent = TaskLiveEvent | HintEvent;

/** An event of the stream of one task, with everything that it says. */
export type FullTaskEvent = TaskEvent & { position: Position };

/** What the stream says about itself. */
export type ControlEvent =
  | ({ event: "beat" } & Beat)
  | ({ event: "reset" } & Reset)
  | ({ event: "bye" } & Bye)
  | ({ event: "problem" } & Problem);

/** An event as a stream sends it; `id` is empty for what does not move the cursor. */
export interface Frame {
  event: string;
  id: string;
  data: string;
}

export const TASK_EVENTS = ["queued", "deferred", "started", "progressed", "stored", "finished", "deleted"] as const;
export const FULL_TASK_EVENTS = [...TASK_EVENTS, "logged", "emitted"] as const;
export const HINTS = ["counts", "counted", "settled", "kind", "schedule", "gauges", "users"] as const;
export const CONTROLS = ["beat", "reset", "bye", "problem"] as const;

const TASK_EVENT_NAMES: ReadonlySet<string> = new Set(TASK_EVENTS);
const HINT_NAMES: ReadonlySet<string> = new Set(HINTS);

/** Return what a frame tells a screen; null for a frame that tells it nothing, or that a later server has made. */
export function readEvent(frame: Frame): LiveEvent | null {
  const data = readData(frame);
  if (data === null) return null;
  if (TASK_EVENT_NAMES.has(frame.event)) {
    return { ...data, event: frame.event, position: frame.id } as TaskLiveEvent;
  }
  return HINT_NAMES.has(frame.event) ? ({ event: frame.event, position: null, hint: data } as HintEvent) : null;
}

/** Return an event of the stream of one task. */
export function readFullEvent(frame: Frame): FullTaskEvent | null {
  const data = readData(frame);
  return data === null ? null : ({ ...data, event: frame.event, position: frame.id } as FullTaskEvent);
}

/** Return what a frame says about the stream itself; null for every other frame. */
export function readControl(frame: Frame): ControlEvent | null {
  if (!(CONTROLS as readonly string[]).includes(frame.event)) return null;
  const data = readData(frame);
  return data === null ? null : ({ ...data, event: frame.event } as ControlEvent);
}

/** Return whether an event is about a task, rather than a hint. */
export function isOfTask(event: LiveEvent): event is TaskLiveEvent {
  return event.position !== null;
}

/** Return which hint it replaces: those of the same subject. */
export function subjectOf(hint: HintEvent): string {
  switch (hint.event) {
    case "counted":
    case "settled":
      return `batch ${hint.hint.id}`;
    case "kind":
      return `kind ${hint.hint.kind}`;
    case "schedule":
      return `schedule ${hint.hint.schedule}`;
    case "users":
      return `user ${hint.hint.user}`;
    default:
      return hint.event;
  }
}

function readData(frame: Frame): object | null {
  try {
    const data: unknown = JSON.parse(frame.data);
    return typeof data === "object" && data !== null ? data : null;
  } catch {
    return null;
  }
}
