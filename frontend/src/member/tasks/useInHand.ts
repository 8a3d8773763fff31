import { onMounted, onScopeDispose, type Ref, ref } from "vue";

// So long after a movement of the mouse somebody may be about to click.
const MOVED_MILLISECONDS = 3_000;

/** Return whether somebody has a list in hand: the mouse moves over it, or the focus is in it. Then nothing may move under it. */
export function useInHand(element: () => HTMLElement | null | undefined): Ref<boolean> {
  const in_hand = ref(false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let is_focused = false;

  function release(): void {
    clearTimeout(timer);
    timer = undefined;
    in_hand.value = is_focused;
  }
  function moved(): void {
    in_hand.value = true;
    clearTimeout(timer);
    timer = setTimeout(release, MOVED_MILLISECONDS);
  }
  function focused(event: FocusEvent): void {
    is_focused = event.type === "focusin";
    if (is_focused) in_hand.value = true;
    else if (timer === undefined) in_hand.value = false;
  }

  onMounted(() => {
    const list = element();
    list?.addEventListener("pointermove", moved, { passive: true });
    list?.addEventListener("pointerleave", release);
    list?.addEventListener("focusin", focused);
    list?.addEventListener("focusout", focused);
  });
  onScopeDispose(() => {
    clearTimeout(timer);
  });
  return in_hand;
}
