import { computed, type ComputedRef } from "vue";
import { useRoute } from "vue-router";

/** Return a part of the address, such as the id of a task. While a page of another kind is on its way, it is the one of before. */
export function useParam(name: string): ComputedRef<string> {
  const route = useRoute();
  return computed<string>((before) => {
    const value = route.params[name];
    return typeof value === "string" ? value : (before ?? "");
  });
}
