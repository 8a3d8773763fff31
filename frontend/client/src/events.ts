import type {
  DeferredEvent,
  DeletedEvent,
  EmittedEvent,
  FinishedEvent,
  LoggedEvent,
  ProgressedEvent,
  QueuedEvent,
  Reset,
  StartedEvent,
  StoredEvent,
} from "./api/index.js";
import { ApiError, NOT_HEADRACE } from "./errors.js";
import type { Frame } from "./eventStream.js";
import type { Position } from "./position.js";

/** The end of a run. `result` is there when it has succeeded, and no larger than 8 MB. */
export type Finished<Result = unknown> = Omit<FinishedEvent, "result"> & { result?: Result };

/** What happened to a task, and where in the log that stands. */
export type TaskEvent<Result = unknown> = { position: Position } & (
  | QueuedEvent
  | DeferredEvent
  | StartedEvent
  | ProgressedEvent
  | LoggedEvent
  | EmittedEvent
  | StoredEvent
  | Finished<Result>
  | DeletedEvent
);

/** The log does not go on where it was: events were missed, so load what you show again. The stream goes on after `position`. */
export type ResetEvent = Reset & { event: "reset" };

/** What a stream of tasks gives. */
export type FollowedEvent<Result = unknown> = TaskEvent<Result> | ResetEvent;

const TASK_EVENTS = ["queued", "deferred", "started", "progressed", "logged", "emitted", "stored", "finished", "deleted"] as const;
const BATCH_EVENTS = ["counted", "settled"] as const;
/** What a stream says about itself. */
const CONTROLS = ["reset", "beat", "bye", "problem"] as const;

/** The events of tasks. */
export const OF_TASKS: ReadonlySet<string> = new Set(TASK_EVENTS);
/** The events of batches. */
export const OF_BATCHES: ReadonlySet<string> = new Set(BATCH_EVENTS);
/** Everything that is listened for. */
export const NAMES: readonly string[] = [...TASK_EVENTS, ...BATCH_EVENTS, ...CONTROLS];

/** Return the event that a frame has. */
export function eventOf<Result>(frame: Frame): FollowedEvent<Result> {
  return { position: frame.id, ...dataOf(frame), event: frame.event } as FollowedEvent<Result>;
}

/**
 * Return the data of a frame.
 *
 * @throws ApiError when it is no JSON object.
 */
export function dataOf(frame: Frame): object {
  try {
    const data: unknown = JSON.parse(frame.data);
    if (typeof data === "object" && data !== null) return data;
  } catch {
    // Said below.
  }
  throw new ApiError(0, NOT_HEADRACE, `the data of an event ${frame.event} cannot be read; is this Headrace's address?`);
}
