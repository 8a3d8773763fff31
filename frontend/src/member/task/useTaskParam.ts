import { computed, type ComputedRef } from "vue";
import { useRoute } from "vue-router";

/** Return the id of the task that the address names. While another page is on its way, it is the one of before. */
export function useTaskParam(): ComputedRef<string> {
  const route = useRoute();
  return computed<string>((before) => {
    const named = route.params["task"];
    return typeof named === "string" ? named : (before ?? "");
  });
}
