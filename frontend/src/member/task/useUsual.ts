import { useQuery } from "@tanstack/vue-query";
import { computed, type ComputedRef } from "vue";

import { showNewTask } from "@/api/member";

const FRESH_MILLISECONDS = 60_000;

/** Return how many seconds half of the tasks of a kind run at most; null for no kind, and while that is not known. */
export function useUsual(kind: () => string | null): ComputedRef<number | null> {
  const { data } = useQuery(
    computed(() => ({
      queryKey: ["usual", kind()],
      // Every kind is in the answer, whatever it is asked for.
      queryFn: async () => (await showNewTask({ throwOnError: true })).data.kinds,
      enabled: kind() !== null,
      staleTime: FRESH_MILLISECONDS,
    })),
  );
  return computed(() => data.value?.find((each) => each.name === kind())?.typical_seconds ?? null);
}
