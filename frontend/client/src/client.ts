import type {
  AcceptedBatch,
  AcceptedTask,
  Submission,
  SubmitBatchData,
  SubmitBatchResponse,
  SubmitTaskData,
  SubmitTaskResponse,
} from "./api/index.js";
import { BatchHandle } from "./batch.js";
import type { FollowedEvent } from "./events.js";
import { type EventFilter, followAll } from "./follow.js";
import type { AnyKinds, InputOf, KindMap, KindName, ResultOf } from "./kinds.js";
import { linesOf } from "./ndjson.js";
import { type CallOf, type CallOptions, Connection, type ConnectionOptions, EncodedBody, type Method, type Operation } from "./request.js";
import type { FollowOptions } from "./resume.js";
import { TaskHandle } from "./task.js";

/** What a submission says besides its kind and its input. Spans are in seconds. */
export type SubmitOptions = Omit<Submission, "kind" | "input" | "run_at"> &
  NonNullable<SubmitTaskData["query"]> &
  Pick<CallOptions, "key" | "signal"> & { run_at?: Date | string | null };

/** What a batch says besides its kind and its inputs. */
export type BatchOptions = Pick<NonNullable<SubmitBatchData["query"]>, "name" | "priority" | "max_attempts" | "follow_link"> &
  Pick<CallOptions, "key" | "signal"> & { labels?: Record<string, string> };

/** A task that was accepted. */
export type SubmittedTask<Result = unknown> = TaskHandle<Result> & { readonly accepted: AcceptedTask };

/** A batch that was accepted. */
export type SubmittedBatch<Result = unknown> = BatchHandle<Result> & { readonly accepted: AcceptedBatch };

// The API appends 100,000 inputs in a few seconds, and waits ten for a log that is away.
const ACCEPT_SECONDS = 60;
// The API writes the results of 100,000 tasks to a file in a minute.
const RESULTS_SECONDS = 120;

/** The API of one Headrace. `Kinds` are those that `headrace types --ts` prints; see `createClient`. */
export class Client<Kinds extends KindMap<Kinds> = AnyKinds> {
  private readonly connection: Connection;

  constructor(options: ConnectionOptions = {}) {
    this.connection = new Connection(options);
  }

  /**
   * Submit a task; it is accepted when this returns.
   *
   * With a `key` the task is made once, however often it is submitted: by this method, which repeats the request when nothing answers, or
   * by a program that was started again. Without one, only a limit makes it repeat the request.
   *
   * @throws ApiError when the API refused, and accepted nothing; with the status 0 when it does not answer, and may have accepted the task.
   */
  async submit<Name extends KindName<Kinds>>(
    kind: Name,
    input: InputOf<Kinds, Name>,
    options: SubmitOptions = {},
  ): Promise<SubmittedTask<ResultOf<Kinds, Name>>> {
    const { key, signal, follow_link, run_at, ...terms } = options;
    const due = run_at instanceof Date ? run_at.toISOString() : run_at;
    const accepted = await this.connection.ask<SubmitTaskData, SubmitTaskResponse>("POST", {
      url: "/api/v1/tasks",
      query: { follow_link },
      body: { kind, input: input as Record<string, unknown>, run_at: due, ...terms },
      patience_seconds: terms.results_of ? RESULTS_SECONDS : undefined,
      key,
      signal,
    });
    return Object.assign(this.task(kind, accepted.id), { accepted });
  }

  /**
   * Submit many tasks of one kind: all of them, or none when one input is wrong.
   *
   * @param inputs - At most 100,000. Wrong ones are named in `errors` of the ApiError as `/inputs/<index>`.
   */
  async batch<Name extends KindName<Kinds>>(
    kind: Name,
    inputs: Iterable<InputOf<Kinds, Name>> | AsyncIterable<InputOf<Kinds, Name>>,
    options: BatchOptions = {},
  ): Promise<SubmittedBatch<ResultOf<Kinds, Name>>> {
    const { key, signal, labels, ...terms } = options;
    const label = Object.entries(labels ?? {}).map(([name, value]) => `${name}=${value}`);
    const accepted = await this.connection.ask<Operation, SubmitBatchResponse>("POST", {
      url: "/api/v1/batches" satisfies SubmitBatchData["url"],
      query: { kind, label, ...terms } satisfies SubmitBatchData["query"],
      body: new EncodedBody("application/x-ndjson", await linesOf(inputs)),
      patience_seconds: ACCEPT_SECONDS,
      key,
      signal,
    });
    return Object.assign(this.batchOf(kind, accepted.id), { accepted });
  }

  /** Return a task whose id is known, to follow it, wait for it, cancel it, or run it again. It may belong to another program's kinds. */
  task<Name extends KindName<Kinds>>(kind: Name, id: string): TaskHandle<ResultOf<Kinds, Name>>;
  task(id: string): TaskHandle;
  task(kind_or_id: string, id?: string): TaskHandle {
    return new TaskHandle(this.connection, id ?? kind_or_id);
  }

  /** Return a batch whose id is known. */
  batchOf<Name extends KindName<Kinds>>(_kind: Name, id: string): BatchHandle<ResultOf<Kinds, Name>> {
    return new BatchHandle(this.connection, id);
  }

  /** Give the events of all the caller's tasks that a filter selects, from now on or after a position, without an end. */
  follow(filter: EventFilter = {}, options: FollowOptions = {}): AsyncGenerator<FollowedEvent, void, undefined> {
    return followAll(this.connection, filter, options);
  }

  /**
   * Ask the API for anything else that its document has, with the types that are made of it:
   *
   *     client.request<ListTasksData, ListTasksResponse>("GET", { url: "/api/v1/tasks", query: { state: ["failed"] } })
   */
  request<Data extends Operation, Answer>(method: Method, call: CallOf<Data>): Promise<Answer> {
    return this.connection.ask<Data, Answer>(method, call);
  }
}

/**
 * Return a client.
 *
 *     import { createClient } from "@headrace/client";
 *     import type { Kinds } from "./kinds.js"; // headrace types --ts > kinds.ts
 *
 *     const client = createClient<Kinds>({ url: "http://127.0.0.1:8080", key: process.env.HEADRACE_API_KEY });
 *     const task = await client.submit("word_count", { text: "one two" });
 *     for await (const event of task.follow()) console.log(event.event);
 *     console.log((await task.result()).words);
 */
export function createClient<Kinds extends KindMap<Kinds> = AnyKinds>(options: ConnectionOptions = {}): Client<Kinds> {
  return new Client<Kinds>(options);
}
