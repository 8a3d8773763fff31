import { queryOptions } from "@tanstack/vue-query";
import { computed, type ComputedRef, type Ref, watch } from "vue";

import type { ApiError } from "@/api/errors";
import type { BatchRow } from "@/api/member";
import { type Screen, useScreen } from "@/live";

import type { Scope } from "../tasks/scope";
import { useMorePages } from "../tasks/useMorePages";
import { type BatchFilter, type BatchList, formatBatchFilter, reduceBatchList } from "./batchList";

const PAGE_ROWS = 50;

/** The list of batches, as long as somebody has asked for. */
export interface BatchPages {
  screen: Screen<BatchList>;
  rows: ComputedRef<BatchRow[]>;
  waiting: ComputedRef<number>;
  reveal: () => void;
  more: () => Promise<void>;
  more_error: Ref<ApiError | null>;
  has_more: ComputedRef<boolean>;
}

/** Show the batches of a filter, newest first. New ones come in at the top while `is_free`; otherwise they wait. */
export function useBatchList(scope: Scope, filter: () => BatchFilter, is_free: () => boolean): BatchPages {
  const screen = useScreen(
    () =>
      queryOptions({
        queryKey: [{ _id: "batchList", mount: scope.mount, query: formatBatchFilter(filter()) }] as const,
        queryFn: async ({ queryKey, signal }): Promise<BatchList> => {
          const page = await scope.showBatches({ ...queryKey[0].query, limit: PAGE_ROWS }, signal);
          return { ...page, arrived: [], revealed: 0, asked: filter() };
        },
      }),
    { mount: scope.mount, reduce: reduceBatchList, keep_previous: true },
  );
  const list = screen.data;
  const { more, more_error } = useMorePages(
    screen,
    scope.mount,
    () => list.value?.next_cursor ?? null,
    async (cursor) => {
      const page = await scope.showBatches({ ...formatBatchFilter(filter()), limit: PAGE_ROWS, cursor });
      return { ...page, arrived: [], revealed: 0, asked: filter() };
    },
    (before, page) => ({ ...before, items: [...(before.items ?? []), ...(page.items ?? [])], next_cursor: page.next_cursor }),
    reduceBatchList,
  );
  const waiting = computed(() => (list.value === undefined ? 0 : list.value.arrived.length - list.value.revealed));
  const reveal = (): void => {
    screen.patch((before) => ({ ...before, revealed: before.arrived.length }));
  };
  watch(
    () => is_free() && waiting.value > 0,
    (may_show) => {
      if (may_show) reveal();
    },
  );

  return {
    screen,
    rows: computed(() => {
      const { arrived, revealed, items } = list.value ?? { arrived: [], revealed: 0, items: [] };
      return [...arrived.slice(arrived.length - revealed), ...(items ?? [])];
    }),
    waiting,
    reveal,
    more,
    more_error,
    has_more: computed(() => (list.value?.next_cursor ?? null) !== null),
  };
}
