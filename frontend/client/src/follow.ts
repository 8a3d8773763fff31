import type { Batch, FollowAllData, FollowBatchData, FollowTaskData } from "./api/index.js";
import { type EventSourceLike, framesByEventSource, framesByFetch } from "./connections.js";
import { type FollowedEvent, NAMES, OF_BATCHES, OF_TASKS, dataOf, eventOf } from "./events.js";
import type { Frame } from "./eventStream.js";
import type { Position } from "./position.js";
import { Connection, type Operation } from "./request.js";
import { type FollowOptions, type Source, type StreamWorld, resume } from "./resume.js";
import { sleep } from "./waiting.js";

/** Which tasks to follow; several values of one field are alternatives. */
export type EventFilter = Pick<NonNullable<FollowAllData["query"]>, "task" | "batch" | "kind" | "event" | "label">;

const ACCEPT = "text/event-stream, application/problem+json";

/** Give a task's events to its end. */
export function followTask<Result>(
  connection: Connection,
  task: string,
  options: FollowOptions,
): AsyncGenerator<FollowedEvent<Result>, void, undefined> {
  const operation = { url: "/api/v1/tasks/{task}/events", path: { task } } satisfies FollowTaskData;
  return events(resume({ url: urlOf(connection, operation), names: OF_TASKS, last: "finished" }, options, worldOf(connection)));
}

/** Give the events of all the caller's tasks that a filter selects, without an end. */
export function followAll(
  connection: Connection,
  filter: EventFilter,
  options: FollowOptions,
): AsyncGenerator<FollowedEvent, void, undefined> {
  const operation = { url: "/api/v1/events", query: filter } satisfies FollowAllData;
  return events(resume({ url: urlOf(connection, operation), names: OF_TASKS, last: null }, options, worldOf(connection)));
}

/** Give a batch as it is now, and whenever its counts have changed, until it settles. */
export function followBatch(connection: Connection, batch: string, options: FollowOptions): AsyncGenerator<Batch, void, undefined> {
  const operation = { url: "/api/v1/batches/{batch}/events", path: { batch } } satisfies FollowBatchData;
  return views(resume(ofBatch(urlOf(connection, operation)), options, worldOf(connection)));
}

/**
 * Give the events of the task that a follow link is for, to its end. The link alone lets a page read them: it needs no key and no client.
 *
 * @param url - The `url` of a `follow_link`.
 */
export function followLink<Result = unknown>(
  url: string,
  options: FollowOptions = {},
): AsyncGenerator<FollowedEvent<Result>, void, undefined> {
  return events(
    resume({ url: (after) => withAfter(url, after), names: OF_TASKS, last: "finished" }, options, worldOf(linkConnection(url))),
  );
}

/** Give the batch that a follow link is for, as it is now and whenever its counts have changed, until it settles. */
export function followBatchLink(url: string, options: FollowOptions = {}): AsyncGenerator<Batch, void, undefined> {
  return views(
    resume(
      ofBatch((after) => withAfter(url, after)),
      options,
      worldOf(linkConnection(url)),
    ),
  );
}

function linkConnection(url: string): Connection {
  return new Connection({ url: /^https?:/.test(url) ? url : "", credentials: "omit" });
}

function ofBatch(url: Source["url"]): Source {
  // After a cut it begins with the present view, which may have been given already.
  return { url, names: OF_BATCHES, last: "settled", isRepeat: (frame, given) => frame.id === given };
}

async function* events<Result>(frames: AsyncGenerator<Frame, void, undefined>): AsyncGenerator<FollowedEvent<Result>, void, undefined> {
  for await (const frame of frames) yield eventOf<Result>(frame);
}

async function* views(frames: AsyncGenerator<Frame, void, undefined>): AsyncGenerator<Batch, void, undefined> {
  for await (const frame of frames) if (frame.event !== "reset") yield dataOf(frame) as Batch;
}

function urlOf(connection: Connection, operation: Operation): Source["url"] {
  return (after) => connection.address(after === null ? operation : { ...operation, query: { ...operation.query, after } });
}

function withAfter(url: string, after: Position | null): string {
  return after === null ? url : `${url}${url.includes("?") ? "&" : "?"}after=${encodeURIComponent(after)}`;
}

function worldOf(connection: Connection): StreamWorld {
  const byFetch = framesByFetch((url, signal) => connection.open("GET", url, { headers: { Accept: ACCEPT }, signal }));
  return { byEvents: eventSourceOf(connection), byFetch, random: Math.random, sleep };
}

function eventSourceOf(connection: Connection): StreamWorld["byEvents"] {
  if (!connection.uses_event_source || typeof EventSource === "undefined") return null;
  const withCredentials = connection.credentials === "include";
  return framesByEventSource((url) => new EventSource(url, { withCredentials }) as EventSourceLike, NAMES);
}
