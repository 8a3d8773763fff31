import type {
  Batch,
  BatchResult,
  CancelBatchData,
  CancelBatchResponse,
  GetBatchData,
  GetBatchResponse,
  GetBatchResultsData,
} from "./api/index.js";
import { followBatch } from "./follow.js";
import { readLines } from "./ndjson.js";
import { patienceFor, pollUntil } from "./polling.js";
import type { Connection } from "./request.js";
import type { FollowOptions } from "./resume.js";
import type { WaitOptions } from "./task.js";
import { linkTo } from "./waiting.js";

/** What became of one task of a batch. `result` is null until it has succeeded, and when `result_file` has it. */
export type ResultLine<Result = unknown> = Omit<BatchResult, "result"> & { result: Result | null };

/** One batch, by its id. `Result` is what its kind gives. */
export class BatchHandle<Result = unknown> {
  constructor(
    private readonly connection: Connection,
    readonly id: string,
  ) {}

  /** Read the batch, and how many of its tasks are in each state. */
  get(options: WaitOptions & { wait?: number } = {}): Promise<Batch> {
    const { wait, at_least, signal } = options;
    return this.connection.ask<GetBatchData, GetBatchResponse>("GET", {
      url: "/api/v1/batches/{batch}",
      path: { batch: this.id },
      query: { wait, at_least },
      patience_seconds: patienceFor(wait),
      signal,
    });
  }

  /** Give the batch as it is now, and again whenever its counts have changed, until it settles. A connection that is cut is resumed. */
  follow(options: FollowOptions = {}): AsyncGenerator<Batch, void, undefined> {
    return followBatch(this.connection, this.id, options);
  }

  /** Wait until all its tasks are over. */
  settled(options: WaitOptions = {}): Promise<Batch> {
    return pollUntil(
      (wait) => this.get({ ...options, wait }),
      ({ state }) => state === "settled",
      options.signal,
    );
  }

  /** Give what became of each of its tasks, in the order of the inputs. Tasks that were deleted are left out. */
  async *results(options: { signal?: AbortSignal } = {}): AsyncGenerator<ResultLine<Result>, void, undefined> {
    const { controller, release } = linkTo(options.signal);
    const operation = { url: "/api/v1/batches/{batch}/results", path: { batch: this.id } } satisfies GetBatchResultsData;
    try {
      const answer = await this.connection.open("GET", this.connection.address(operation), { signal: controller.signal });
      if (answer.body !== null) for await (const line of readLines(answer.body)) yield line as ResultLine<Result>;
    } finally {
      release();
      controller.abort();
    }
  }

  /** Cancel every task of it that is not over. They are cancelled one by one; the batch settles with the last. */
  cancel(options: { signal?: AbortSignal } = {}): Promise<Batch> {
    return this.connection.ask<CancelBatchData, CancelBatchResponse>("PUT", {
      url: "/api/v1/batches/{batch}/cancellation",
      path: { batch: this.id },
      repeatable: true,
      signal: options.signal,
    });
  }
}
