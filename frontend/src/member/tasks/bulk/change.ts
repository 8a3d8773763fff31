import type { BulkRequest, BulkResult, Filter } from "@/api/core";
import { ApiError } from "@/api/errors";

// One request changes as many as two or three seconds allow at the usual pace, so that the bar moves and Stop is heard.
const TASKS_PER_REQUEST = 250;
// How often one request is repeated while the server says to come back later.
const PATIENCE = 20;
const RETRY_SECONDS = 2;
const RETRY_SECONDS_MAX = 60;
// So many requests in a row that change nothing mean that what is left cannot be changed.
const IDLE_REQUESTS = 3;

/** What a bulk action does to tasks. */
export type BulkAction = "cancel" | "run";

/** How far a bulk action is. `waiting` is how many seconds it waits because the server says so, and `null` while it works. */
export interface BulkProgress {
  done: number;
  remaining: number;
  position: string | null;
  waiting: number | null;
}

/** One request of a bulk action. */
export type BulkSend = (body: BulkRequest, at_least: string | undefined) => Promise<BulkResult>;

/** Wait so many seconds, or until the signal says to stop. */
export type Pause = (seconds: number, signal: AbortSignal) => Promise<void>;

/**
 * Return the tasks that an action can change, of those that a filter selects.
 *
 * Whoever runs tasks again without naming states means those that did not succeed.
 */
export function narrowed(action: BulkAction, select: Filter): Filter {
  const asked = select.state ?? [];
  if (action === "cancel") return { ...select, state: within(["pending", "queued", "running"], asked) };
  return { ...select, state: asked.length === 0 ? ["failed", "cancelled"] : within(["succeeded", "failed", "cancelled"], asked) };
}

/** Count the tasks that an action would change. */
export function countChanges(send: BulkSend, select: Filter): Promise<BulkResult> {
  return send({ select, dry_run: true }, undefined);
}

/**
 * Change every task that a filter selects, page by page, until none remains or the signal says to stop.
 *
 * `counted_at` is the `at` of the dry run: tasks that came, or ended once more, after that time are not changed, so that exactly those
 * are changed that somebody was told of. Each page is read at the position of the one before.
 *
 * @throws ApiError when the server refuses for good. What was changed until then stays changed.
 */
export async function* changeAll(
  action: BulkAction,
  send: BulkSend,
  select: Filter,
  counted_at: string | null,
  signal: AbortSignal,
  pause: Pause = pauseFor,
): AsyncGenerator<BulkProgress> {
  const body: BulkRequest = { select: until(action, select, counted_at), limit: TASKS_PER_REQUEST };
  const progress: BulkProgress = { done: 0, remaining: 0, position: null, waiting: null };
  let idle = 0;
  let refused = 0;
  while (!signal.aborted) {
    let result: BulkResult;
    try {
      result = await send(body, progress.position ?? undefined);
    } catch (cause) {
      const seconds = waitAfter(cause, refused);
      if (seconds === null) throw cause;
      refused += 1;
      yield { ...progress, waiting: seconds };
      await pause(seconds, signal);
      continue;
    }
    refused = 0;
    idle = result.done > 0 ? 0 : idle + 1;
    progress.done += result.done;
    progress.remaining = result.remaining;
    progress.position = result.position;
    yield { ...progress };
    if (result.remaining === 0 || idle >= IDLE_REQUESTS) return;
  }
}

/** Wait so many seconds, or until the signal says to stop. */
export function pauseFor(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      resolve();
    };
    const timer = setTimeout(stop, seconds * 1000);
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
  });
}

/** Return after how many seconds a refused request is worth repeating; `null` when it is not. */
export function waitAfter(cause: unknown, refused: number): number | null {
  if (!(cause instanceof ApiError) || refused >= PATIENCE) return null;
  if (cause.status === 429 || cause.status === 503) return Math.min(cause.retry_after ?? RETRY_SECONDS, RETRY_SECONDS_MAX);
  return cause.unreachable ? RETRY_SECONDS : null;
}

function until(action: BulkAction, select: Filter, counted_at: string | null): Filter {
  const field = action === "run" ? "finished_before" : "created_before";
  const asked = select[field] ?? null;
  if (counted_at === null || (asked !== null && Date.parse(asked) < Date.parse(counted_at))) return select;
  return { ...select, [field]: counted_at };
}

function within<T>(possible: T[], asked: T[]): T[] {
  return asked.length === 0 ? possible : possible.filter((each) => asked.includes(each));
}
