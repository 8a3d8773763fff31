import { onScopeDispose, ref, type Ref } from "vue";
import { onBeforeRouteLeave, useRouter } from "vue-router";

export interface Leaving {
  asks: Ref<boolean>;
  /** Go where somebody wanted to. */
  leave: () => void;
}

/** Ask before somebody leaves the page for another one while something is not saved. The browser asks when they close it. */
export function useLeaving(is_unsaved: () => boolean): Leaving {
  const router = useRouter();
  const asks = ref(false);
  let may_leave = false;
  let go: (() => void) | null = null;

  onBeforeRouteLeave((to) => {
    if (may_leave || !is_unsaved()) return true;
    asks.value = true;
    go = () => {
      may_leave = true;
      void router.push(to.fullPath);
    };
    return false;
  });
  const unload = (event: BeforeUnloadEvent): void => {
    if (is_unsaved()) event.preventDefault();
  };
  addEventListener("beforeunload", unload);
  onScopeDispose(() => removeEventListener("beforeunload", unload));

  return {
    asks,
    leave() {
      asks.value = false;
      go?.();
    },
  };
}
