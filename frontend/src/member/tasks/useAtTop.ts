import { onScopeDispose, type Ref, ref } from "vue";

// About half a row: whoever has scrolled less sees the first one.
const TOP_PIXELS = 16;

/** Return whether the page is scrolled to its top. */
export function useAtTop(): Ref<boolean> {
  const at_top = ref(window.scrollY <= TOP_PIXELS);
  const follow = (): void => {
    at_top.value = window.scrollY <= TOP_PIXELS;
  };
  window.addEventListener("scroll", follow, { passive: true });
  onScopeDispose(() => {
    window.removeEventListener("scroll", follow);
  });
  return at_top;
}
