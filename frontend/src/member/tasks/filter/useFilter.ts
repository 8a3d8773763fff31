import { computed, type ComputedRef } from "vue";
import { useRoute, useRouter } from "vue-router";

import { formatFilter, parseFilter, type TaskFilter } from "./filter";

/** The filter that the address names, and what changes it. Going back brings the filter before it back. */
export function useFilter(): {
  filter: ComputedRef<TaskFilter>;
  change: (change: Partial<TaskFilter>, options?: { replace?: boolean }) => void;
} {
  const route = useRoute();
  const router = useRouter();
  // Another page may be on its way in while this one is still shown; its address has no filter of ours.
  const path = route.path;
  const address = computed<string>((before) => (route.path === path || before === undefined ? route.fullPath : before));
  const filter = computed(() => parseFilter(router.resolve(address.value).query));

  function change(changed: Partial<TaskFilter>, { replace = false }: { replace?: boolean } = {}): void {
    const query = formatFilter({ ...filter.value, ...changed });
    void (replace ? router.replace({ query }) : router.push({ query }));
  }

  return { filter, change };
}
