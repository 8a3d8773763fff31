import { queryOptions } from "@tanstack/vue-query";
import type { Ref } from "vue";

import type { ApiError } from "@/api/errors";
import type { BatchDetailV1, State } from "@/api/member";
import { isOfTask, type LiveEvent, reduceBatch, reduceRows, type Screen, useScreen } from "@/live";

import type { Scope } from "../tasks/scope";
import { useMorePages } from "../tasks/useMorePages";

const PAGE_ROWS = 200;
const REFETCH_MILLISECONDS = 2_000;

/** Return what a batch shows after an event. */
export function reduceDetail(screen: BatchDetailV1, event: LiveEvent): BatchDetailV1 {
  if (isOfTask(event)) {
    const items = screen.items === null ? null : reduceRows(screen.items, event);
    const slowest = screen.slowest === null ? null : reduceRows(screen.slowest, event);
    return items === screen.items && slowest === screen.slowest ? screen : { ...screen, items, slowest };
  }
  const batch = screen.batch === null ? null : reduceBatch(screen.batch, event);
  return batch === screen.batch ? screen : { ...screen, batch };
}

/** Whether an event changes what only the server can say: groups of failures, the slowest tasks, the end. */
export function asksAnew(event: LiveEvent, screen: BatchDetailV1): boolean {
  const id = screen.batch?.id;
  if (event.event === "settled" || event.event === "counted") return event.hint.id === id && event.hint.state === "settled";
  // The first task that ends is the slowest, until another one is.
  return event.event === "finished" && event.batch === id && (event.outcome === "failed" || screen.slowest?.length === 0);
}

/** Show a batch, with one page of its tasks after the other. */
export function useBatch(
  scope: Scope,
  batch: () => string,
  state: () => State | null,
): { screen: Screen<BatchDetailV1>; more: () => Promise<void>; more_error: Ref<ApiError | null> } {
  const query = (): { limit: number; state?: State } => {
    const only = state();
    return { limit: PAGE_ROWS, ...(only === null ? {} : { state: only }) };
  };
  const screen = useScreen(
    () =>
      queryOptions({
        queryKey: [{ _id: "batchDetail", mount: scope.mount, batch: batch(), query: query() }] as const,
        queryFn: ({ queryKey, signal }): Promise<BatchDetailV1> => scope.showBatch(queryKey[0].batch, queryKey[0].query, signal),
      }),
    { mount: scope.mount, reduce: reduceDetail, refetch_on: asksAnew, every_ms: REFETCH_MILLISECONDS, keep_previous: true },
  );
  const { more, more_error } = useMorePages(
    screen,
    scope.mount,
    () => screen.data.value?.next_cursor ?? null,
    (cursor) => scope.showBatch(batch(), { ...query(), cursor }),
    (before, page) => {
      const known = new Set((before.items ?? []).map((row) => row.id));
      const rows = (page.items ?? []).filter((row) => !known.has(row.id));
      return { ...before, items: [...(before.items ?? []), ...rows], next_cursor: page.next_cursor };
    },
    reduceDetail,
  );
  return { screen, more, more_error };
}
