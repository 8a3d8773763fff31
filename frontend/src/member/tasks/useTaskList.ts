import { queryOptions } from "@tanstack/vue-query";
import { computed, type ComputedRef, ref, type Ref, watch } from "vue";

import type { ApiError } from "@/api/errors";
import type { TaskRow } from "@/api/member";
import { type Screen, useScreen } from "@/live";

import { queryOf, type TaskFilter } from "./filter/filter";
import type { Scope } from "./scope";
import { appendPage, ARRIVED_MAX, beginList, holdBefore, reduceList, type TaskList } from "./taskList";
import { useMorePages } from "./useMorePages";

const PAGE_ROWS = 200;
// Nobody reads more rows; whoever looks for something narrows the filter.
export const ROWS_MAX = 10_000;
const REFETCH_MILLISECONDS = 2_000;

/** A list that is as long as somebody has scrolled. */
export interface TaskPages {
  screen: Screen<TaskList>;
  rows: ComputedRef<TaskRow[]>;
  /** How many tasks have come that are not shown, because they would move what somebody reads. */
  waiting: ComputedRef<number>;
  /** Show them. */
  reveal: () => void;
  /** Load the next page, if there is one. */
  more: () => Promise<void>;
  more_error: Ref<ApiError | null>;
  /** There are more rows than a page shows. */
  is_cut: ComputedRef<boolean>;
}

/**
 * Show the tasks of a filter, page by page, and keep them right.
 *
 * @param is_free - Whether rows may come in above the others: the list is at its top, and nobody has it in hand.
 */
export function useTaskList(scope: Scope, filter: () => TaskFilter, is_free: () => boolean): TaskPages {
  const revealed = ref(0);
  let pages = 1;

  const screen = useScreen(
    () =>
      queryOptions({
        queryKey: [{ _id: "taskList", mount: scope.mount, query: queryOf(filter()) }] as const,
        queryFn: ({ queryKey, signal }): Promise<TaskList> => load(queryKey[0].query, signal),
      }),
    {
      mount: scope.mount,
      reduce: reduceList,
      refetch_on: (_, list) => is_free() && (list.others.size > 0 || list.arrived.length >= ARRIVED_MAX),
      every_ms: REFETCH_MILLISECONDS,
      keep_previous: true,
    },
  );
  const list = screen.data;
  const rows = computed(() => {
    const { arrived, items } = list.value ?? { arrived: [], items: [] };
    const shown = revealed.value === 0 ? [] : arrived.slice(-revealed.value);
    return shown.length === 0 ? (items ?? []) : [...shown, ...(items ?? [])];
  });

  async function load(query: ReturnType<typeof queryOf>, signal: AbortSignal): Promise<TaskList> {
    const asked = filter();
    const first = is_free() ? null : (rows.value[0]?.id ?? null);
    if (is_free()) pages = 1;
    let loaded = beginList(await scope.showTasks({ ...query, limit: PAGE_ROWS }, signal), asked);
    for (let page = 1; page < pages && loaded.next_cursor !== null; page += 1) {
      loaded = appendPage(loaded, await scope.showTasks({ ...query, limit: PAGE_ROWS, cursor: loaded.next_cursor }, signal));
    }
    revealed.value = 0;
    return holdBefore(loaded, first);
  }

  const { more, more_error } = useMorePages(
    screen,
    scope.mount,
    () => (rows.value.length < ROWS_MAX ? (list.value?.next_cursor ?? null) : null),
    async (cursor) => beginList(await scope.showTasks({ ...queryOf(filter()), limit: PAGE_ROWS, cursor }), filter()),
    (before, page) => {
      pages += 1;
      return appendPage(before, page);
    },
    reduceList,
  );

  function reveal(): void {
    revealed.value = list.value?.arrived.length ?? 0;
    if ((list.value?.others.size ?? 0) === 0) return;
    pages = 1;
    screen.refetch();
  }

  watch(filter, () => {
    pages = 1;
    revealed.value = 0;
  });
  // What is at its top shows what comes at once.
  watch(
    () => is_free() && (list.value?.arrived.length ?? 0) > revealed.value,
    (may_show) => {
      if (may_show) revealed.value = list.value?.arrived.length ?? 0;
    },
  );
  watch(is_free, (free) => {
    if (free && (list.value?.others.size ?? 0) > 0) screen.refetch();
  });

  return {
    screen,
    rows,
    waiting: computed(() => (list.value === undefined ? 0 : list.value.arrived.length - revealed.value + list.value.others.size)),
    reveal,
    more,
    more_error,
    is_cut: computed(() => rows.value.length >= ROWS_MAX && (list.value?.next_cursor ?? null) !== null),
  };
}
