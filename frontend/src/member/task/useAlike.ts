import { useQuery } from "@tanstack/vue-query";
import { computed, type ComputedRef } from "vue";
import type { RouteLocationRaw } from "vue-router";

import type { TaskDetail } from "@/api/member";

import { formatFilter } from "../tasks/filter/filter";
import type { TaskScope } from "./scope";

/** How many other tasks failed in the same way, and where they are shown and can be run again. */
export interface Alike {
  others: number;
  /** Whether there are no more than that. */
  exact: boolean;
  to: RouteLocationRaw;
}

/** Return what failed as a task did; null while that is not known, and when nothing else did. */
export function useAlike(scope: TaskScope, task: () => TaskDetail): ComputedRef<Alike | null> {
  const owner = computed(() => (scope.mount === "admin" ? { owner: "*" } : {}));
  const fingerprint = computed(() => (task().state === "failed" ? (task().error?.fingerprint ?? null) : null));
  const filter = computed(() => ({ fingerprint: fingerprint.value ?? "", state: ["failed" as const], ...owner.value }));
  const { data } = useQuery(
    computed(() => ({
      queryKey: ["alike", scope.mount, fingerprint.value],
      queryFn: async ({ signal }: { signal: AbortSignal }) => (await scope.showTasks({ ...filter.value, limit: 1 }, signal)).matched,
      enabled: fingerprint.value !== null,
    })),
  );
  return computed(() => {
    const matched = fingerprint.value === null ? null : (data.value ?? null);
    // This task is one of them.
    if (matched === null || matched.count < 2) return null;
    return {
      others: matched.count - 1,
      exact: matched.exact,
      to: { name: scope.routes.tasks, query: formatFilter(filter.value) },
    };
  });
}
