import { queryOptions, useQueryClient } from "@tanstack/vue-query";
import { computed, type ComputedRef, type Ref, watch } from "vue";

import type { ApiError } from "@/api/errors";
import type { TaskRow } from "@/api/member";
import { type Screen, useScreen } from "@/live";

import { queryOf, type TaskFilter } from "./filter/filter";
import type { Scope } from "./scope";
import {
  appendPage,
  ARRIVED_MAX,
  beginList,
  countWaiting,
  holdBefore,
  reduceList,
  revealArrived,
  shownRows,
  type TaskList,
} from "./taskList";
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
  const client = useQueryClient();
  let is_first = true;
  let is_revealing = false;

  const keyOf = () => [{ _id: "taskList", mount: scope.mount, query: queryOf(filter()) }] as const;
  const screen = useScreen(
    () => queryOptions({ queryKey: keyOf(), queryFn: ({ queryKey, signal }): Promise<TaskList> => load(queryKey[0].query, signal) }),
    {
      mount: scope.mount,
      // Rows that may come in come in with the change that brings them.
      reduce: (list, event) => (is_free() ? revealArrived(reduceList(list, event)) : reduceList(list, event)),
      refetch_on: (_, list) => is_free() && (list.others.size > 0 || list.arrived.length >= ARRIVED_MAX),
      every_ms: REFETCH_MILLISECONDS,
      keep_previous: true,
    },
  );
  const list = screen.data;
  const rows = computed(() => (list.value === undefined ? [] : shownRows(list.value)));
  const waiting = computed(() => (list.value === undefined ? 0 : countWaiting(list.value)));

  /** The list of the filter. While it is asked for, `list` is that of the filter before. */
  function known(): TaskList | undefined {
    return client.getQueryData<TaskList>(keyOf());
  }

  function cursor(): string | null {
    return rows.value.length < ROWS_MAX ? (known()?.next_cursor ?? null) : null;
  }

  /** Load as many pages as are shown, so that whoever has scrolled down, or comes back, stays where they are. At the top, one is enough. */
  async function load(query: ReturnType<typeof queryOf>, signal: AbortSignal): Promise<TaskList> {
    const asked = filter();
    const before = is_revealing || (is_free() && !is_first) ? undefined : known();
    const shown = before === undefined ? [] : shownRows(before);
    is_revealing = is_first = false;
    let loaded = beginList(await scope.showTasks({ ...query, limit: PAGE_ROWS }, signal), asked);
    for (let page = 1; page < shown.length / PAGE_ROWS && loaded.next_cursor !== null; page += 1) {
      loaded = appendPage(loaded, await scope.showTasks({ ...query, limit: PAGE_ROWS, cursor: loaded.next_cursor }, signal));
    }
    return holdBefore(loaded, shown[0]?.id ?? null);
  }

  const { more, more_error } = useMorePages(
    screen,
    scope.mount,
    cursor,
    async (next) => beginList(await scope.showTasks({ ...queryOf(filter()), limit: PAGE_ROWS, cursor: next }), filter()),
    appendPage,
    reduceList,
  );

  function reveal(): void {
    screen.patch(revealArrived);
    if ((list.value?.others.size ?? 0) === 0) return;
    is_revealing = true;
    screen.refetch();
  }

  // A list at its top shows new rows at once. Those that it has to ask for come at the pace of `refetch_on`.
  watch(
    () => is_free() && list.value !== undefined && list.value.arrived.length > list.value.revealed,
    (may_show) => {
      if (may_show) screen.patch(revealArrived);
    },
  );
  watch(is_free, (now) => {
    if (now && (list.value?.others.size ?? 0) > 0) screen.refetch();
  });

  return {
    screen,
    rows,
    waiting,
    reveal,
    more,
    more_error,
    is_cut: computed(() => rows.value.length >= ROWS_MAX && (list.value?.next_cursor ?? null) !== null),
  };
}
