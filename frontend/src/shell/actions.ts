import { computed, type ComputedRef, type MaybeRefOrGetter, onScopeDispose, shallowReactive, toValue } from "vue";

/** Something that the page can do at the moment. */
export interface PageAction {
  label: string;
  icon?: string;
  /** The key that does the same, to show it. */
  shortcut?: string;
  run: () => void;
}

const offered = shallowReactive<MaybeRefOrGetter<PageAction[]>[]>([]);

/** Offer actions in the command palette for as long as the component is there. A getter may offer others from moment to moment. */
export function usePageActions(actions: MaybeRefOrGetter<PageAction[]>): void {
  offered.push(actions);
  onScopeDispose(() => {
    const at = offered.indexOf(actions);
    if (at >= 0) offered.splice(at, 1);
  });
}

/** All actions that are offered at the moment. */
export const page_actions: ComputedRef<PageAction[]> = computed(() => offered.flatMap((actions) => toValue(actions)));
