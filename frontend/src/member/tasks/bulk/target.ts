import { cancelTask, cancelTasks, type Filter, runTaskAgain, runTasksAgain } from "@/api/core";
import { ApiError } from "@/api/errors";
import type { TaskRow } from "@/api/member";
import { isFinal, type Mount } from "@/live";

import { type BulkAction, type BulkProgress, type BulkSend, type Pause, pauseFor, waitAfter } from "./change";

/** What a bulk action is about: all tasks of a filter, or some rows. */
export type BulkTarget = { select: Filter } | { rows: TaskRow[] };

// As many requests at a time as a browser has connections to spare.
const AT_ONCE = 4;
// Longer than the time of a row may be cut short by, and shorter than anybody submits two tasks with the same id in their titles.
const MILLISECOND = 1;

/** Return what sends the requests of an action about a filter. */
export function sendOf(action: BulkAction): BulkSend {
  const change = action === "cancel" ? cancelTasks : runTasksAgain;
  return async (body, at_least) => (await change({ body, query: at_least === undefined ? {} : { at_least }, throwOnError: true })).data;
}

/** Return the rows that an action can change. */
export function changeable(action: BulkAction, rows: readonly TaskRow[]): TaskRow[] {
  return rows.filter((row) => isFinal(row.state) === (action === "run"));
}

/**
 * Change some rows, one after the other, until all are changed or the signal says to stop. A task that has changed meanwhile is left.
 *
 * @throws ApiError when the server refuses for good. What was changed until then stays changed.
 */
export async function* changeRows(
  rows: readonly TaskRow[],
  change: (row: TaskRow) => Promise<string | null>,
  signal: AbortSignal,
  pause: Pause = pauseFor,
): AsyncGenerator<BulkProgress> {
  const progress: BulkProgress = { done: 0, remaining: rows.length, position: null, waiting: null };
  let left = [...rows];
  let refused = 0;
  while (left.length > 0 && !signal.aborted) {
    const results = await Promise.allSettled(left.slice(0, AT_ONCE).map((row) => change(row)));
    const again: TaskRow[] = [];
    let seconds: number | null = null;
    for (const [at, result] of results.entries()) {
      if (result.status === "fulfilled") {
        progress.done += result.value === null ? 0 : 1;
        progress.position = result.value ?? progress.position;
        continue;
      }
      const wait = waitAfter(result.reason, refused);
      if (wait === null) throw result.reason;
      seconds = Math.max(seconds ?? 0, wait);
      again.push(left[at] as TaskRow);
    }
    left = [...again, ...left.slice(AT_ONCE)];
    progress.remaining = left.length;
    refused = seconds === null ? 0 : refused + 1;
    yield { ...progress, waiting: seconds };
    if (seconds !== null) await pause(seconds, signal);
  }
}

/** Return what changes one row; it gives the position of the change, and null for a task that had changed already. */
export function changeOf(action: BulkAction, mount: Mount): (row: TaskRow) => Promise<string | null> {
  if (mount === "admin") return (row) => changeForOther(action, row);
  const change = action === "cancel" ? cancelTask : runTaskAgain;
  return async (row) => {
    try {
      return (await change({ path: { task: row.id }, throwOnError: true })).data.position;
    } catch (cause) {
      if (cause instanceof ApiError && (cause.status === 409 || cause.status === 404)) return null;
      throw cause;
    }
  };
}

/** Administrators change the task of another account by a filter that selects it alone: its id, its kind, and the moment of its submission. */
async function changeForOther(action: BulkAction, row: TaskRow): Promise<string | null> {
  const before = new Date(Date.parse(row.created_at) + MILLISECOND).toISOString();
  const select = { owner: row.owner?.id ?? null, q: row.id, kind: [row.kind], created_from: row.created_at, created_before: before };
  const result = await sendOf(action)({ select }, undefined);
  return result.done > 0 ? result.position : null;
}
