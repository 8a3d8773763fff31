import type {
  CancelTaskData,
  CancelTaskResponse,
  GetFileContentData,
  GetTaskData,
  GetTaskResponse,
  RunTaskAgainData,
  RunTaskAgainResponse,
  Task,
  TaskSummary,
} from "./api/index.js";
import { TaskFailed } from "./errors.js";
import type { FollowedEvent } from "./events.js";
import { followTask } from "./follow.js";
import { patienceFor, pollUntil } from "./polling.js";
import type { Position } from "./position.js";
import type { Connection } from "./request.js";
import type { FollowOptions } from "./resume.js";

/** How to wait for an end. */
export interface WaitOptions {
  /** Gives up, as `AbortSignal.timeout(60_000)` does after a minute. */
  signal?: AbortSignal;
  /** Wait for an end after this position, as after that of `runAgain`, because the task was over before. */
  at_least?: Position;
}

// A result of more than 8 MB takes a while.
const DOWNLOAD_SECONDS = 300;
const FINAL: ReadonlySet<string> = new Set(["succeeded", "failed", "cancelled"]);

/** One task, by its id: to follow it, wait for it, cancel it, or run it again. `Result` is what its kind gives. */
export class TaskHandle<Result = unknown> {
  constructor(
    private readonly connection: Connection,
    readonly id: string,
  ) {}

  /** Read the whole task, with its input and its result. */
  get(options: WaitOptions & { wait?: number } = {}): Promise<Task> {
    const { wait, at_least, signal } = options;
    return this.connection.ask<GetTaskData, GetTaskResponse>("GET", {
      url: "/api/v1/tasks/{task}",
      path: { task: this.id },
      query: { wait, at_least },
      patience_seconds: patienceFor(wait),
      signal,
    });
  }

  /**
   * Give its events to its end, each once and in order; a connection that is cut is resumed.
   *
   * Nothing comes when it was over at `after`, or is so old that its events have left the log. A `reset` says that events were missed:
   * `get` has its present state.
   */
  follow(options: FollowOptions = {}): AsyncGenerator<FollowedEvent<Result>, void, undefined> {
    return followTask<Result>(this.connection, this.id, options);
  }

  /** Wait until it ends, and return it, however it ended. */
  ended(options: WaitOptions = {}): Promise<Task> {
    return pollUntil(
      (wait) => this.get({ ...options, wait }),
      ({ state }) => FINAL.has(state),
      options.signal,
    );
  }

  /**
   * Wait until it ends, and return its result.
   *
   * @throws TaskFailed when it failed or was cancelled.
   */
  async result(options: WaitOptions = {}): Promise<Result> {
    const task = await this.ended(options);
    if (task.state !== "succeeded") throw new TaskFailed(task);
    const file = task.result === null ? task.files.find(({ role }) => role === "result") : undefined;
    if (file === undefined) return task.result as Result;
    return this.connection.ask<GetFileContentData, Result>("GET", {
      url: "/api/v1/files/{file}/content",
      path: { file: file.id },
      patience_seconds: DOWNLOAD_SECONDS,
      signal: options.signal,
    });
  }

  /** Cancel it. It is final at once; a running one is stopped, and one that is cancelled already stays as it is. */
  cancel(options: { signal?: AbortSignal } = {}): Promise<TaskSummary> {
    return this.connection.ask<CancelTaskData, CancelTaskResponse>("PUT", {
      url: "/api/v1/tasks/{task}/cancellation",
      path: { task: this.id },
      repeatable: true,
      signal: options.signal,
    });
  }

  /** Run a task that is over again, under the same id, from its first attempt. */
  runAgain(options: { signal?: AbortSignal } = {}): Promise<TaskSummary> {
    const operation = { url: "/api/v1/tasks/{task}/runs", path: { task: this.id } } satisfies RunTaskAgainData;
    return this.connection.ask<RunTaskAgainData, RunTaskAgainResponse>("POST", { ...operation, signal: options.signal });
  }
}
