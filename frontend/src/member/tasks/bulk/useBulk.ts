import { onScopeDispose, type Ref, ref, shallowRef } from "vue";

import { ApiError } from "@/api/errors";
import type { Mount } from "@/live";

import { type BulkAction, type BulkProgress, changeAll, countChanges, narrowed } from "./change";
import { type BulkTarget, changeable, changeOf, changeRows, sendOf } from "./target";

/** How a bulk action ended. */
export interface BulkEnd {
  done: number;
  stopped: boolean;
  position: string | null;
  /** When the tasks were counted, by the server's clock. */
  at: string | null;
  error: ApiError | null;
}

/** A bulk action: count, ask, change. */
export interface Bulk {
  /** How many tasks will be changed; null until they are counted. */
  count: Ref<number | null>;
  progress: Ref<BulkProgress | null>;
  error: Ref<ApiError | null>;
  prepare: (action: BulkAction, target: BulkTarget) => Promise<void>;
  start: () => Promise<BulkEnd>;
  stop: () => void;
}

/** Change many tasks: `prepare` counts them without changing any, `start` changes those that were counted. */
export function useBulk(mount: Mount): Bulk {
  const count = ref<number | null>(null);
  const progress = shallowRef<BulkProgress | null>(null);
  const error = shallowRef<ApiError | null>(null);
  let at: string | null = null;
  let abort = new AbortController();
  let current: { action: BulkAction; target: BulkTarget } | null = null;

  async function prepare(action: BulkAction, target: BulkTarget): Promise<void> {
    const mine = (current = { action, target });
    count.value = null;
    progress.value = null;
    error.value = null;
    at = null;
    if ("rows" in target) {
      count.value = changeable(action, target.rows).length;
      return;
    }
    try {
      const select = narrowed(action, target.select);
      const counted = select.state?.length === 0 ? { matched: 0, at: null } : await countChanges(sendOf(action), select);
      if (current !== mine) return;
      count.value = counted.matched;
      at = counted.at;
    } catch (cause) {
      if (current === mine) error.value = ApiError.from(cause, undefined);
    }
  }

  async function start(): Promise<BulkEnd> {
    const end: BulkEnd = { done: 0, stopped: false, position: null, at, error: null };
    if (current === null) return end;
    abort = new AbortController();
    const { action, target } = current;
    const { signal } = abort;
    const steps =
      "rows" in target
        ? changeRows(changeable(action, target.rows), changeOf(action, mount), signal)
        : changeAll(action, sendOf(action), narrowed(action, target.select), at, signal);
    try {
      for await (const step of steps) progress.value = step;
    } catch (cause) {
      end.error = ApiError.from(cause, undefined);
    }
    end.done = progress.value?.done ?? 0;
    end.position = progress.value?.position ?? null;
    end.stopped = signal.aborted;
    return end;
  }

  function stop(): void {
    abort.abort();
  }

  onScopeDispose(stop);
  return { count, progress, error, prepare, start, stop };
}
