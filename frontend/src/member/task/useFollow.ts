import { computed, type ComputedRef, nextTick, onMounted, type Ref, ref, watch } from "vue";

/** A box that shows the newest of what grows. */
export interface Following {
  following: Ref<boolean>;
  /** How many came since it was let go. */
  missed: ComputedRef<number>;
  /** To be called when the box is scrolled. */
  scrolled: () => void;
  jump: () => void;
}

// Who is this close to the end means the end.
const NEAR_PIXELS = 24;

/**
 * Keep a box at its end while it grows, until somebody scrolls up; then it stands still until they come back to the end.
 *
 * @param box - What scrolls.
 * @param grown - How many there have been so far. It only grows, also when the oldest are dropped.
 */
export function useFollow(box: () => HTMLElement | null | undefined, grown: () => number): Following {
  const following = ref(true);
  const seen = ref(grown());

  function toEnd(): void {
    const element = box();
    if (element) element.scrollTop = element.scrollHeight;
    seen.value = grown();
  }
  watch(grown, () => {
    if (following.value) void nextTick(toEnd);
  });
  onMounted(toEnd);

  return {
    following,
    missed: computed(() => (following.value ? 0 : Math.max(0, grown() - seen.value))),
    scrolled() {
      const element = box();
      if (!element) return;
      const is_near = element.scrollTop + element.clientHeight >= element.scrollHeight - NEAR_PIXELS;
      if (is_near || following.value) seen.value = grown();
      following.value = is_near;
    },
    jump() {
      following.value = true;
      toEnd();
    },
  };
}
