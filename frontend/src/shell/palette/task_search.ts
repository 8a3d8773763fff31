import { keepPreviousData, useQuery } from "@tanstack/vue-query";
import { computed, onScopeDispose, type Ref, ref, watch } from "vue";

import { ApiError } from "@/api/errors";
import type { TaskRow } from "@/api/member";
import { showTasksOptions } from "@/api/member/@tanstack/vue-query.gen";

const PAUSE_MILLISECONDS = 200;
const SHORTEST = 2;
const FOUND = 8;

export interface TaskSearch {
  found: Ref<TaskRow[]>;
  searching: Ref<boolean>;
  error: Ref<ApiError | null>;
}

/** Find tasks by what they are called, a moment after the last key. A search that a newer one overtakes is cancelled. */
export function useTaskSearch(query: () => string, enabled: () => boolean): TaskSearch {
  const settled = ref("");
  let timer: ReturnType<typeof setTimeout> | undefined;
  watch(query, (next) => {
    clearTimeout(timer);
    timer = setTimeout(() => (settled.value = next.trim()), PAUSE_MILLISECONDS);
  });
  onScopeDispose(() => {
    clearTimeout(timer);
  });
  const is_asked = computed(() => enabled() && settled.value.length >= SHORTEST);
  const answer = useQuery(
    computed(() => ({
      ...showTasksOptions({ query: { q: settled.value, limit: FOUND } }),
      enabled: is_asked.value,
      placeholderData: keepPreviousData,
      retry: false,
    })),
  );
  return {
    found: computed(() => (is_asked.value ? (answer.data.value?.items ?? []) : [])),
    searching: computed(
      () => answer.isFetching.value || (enabled() && query().trim().length >= SHORTEST && settled.value !== query().trim()),
    ),
    error: computed(() => (is_asked.value && answer.error.value !== null ? ApiError.from(answer.error.value, undefined) : null)),
  };
}
