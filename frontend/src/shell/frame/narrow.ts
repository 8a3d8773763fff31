import { onScopeDispose, type Ref, ref } from "vue";

// Beside a navigation of 208 px, less than this leaves no room for a table.
const NARROW = "(max-width: 899px)";

/** Whether the window is as narrow as a phone, where the navigation is at the bottom. */
export function useNarrow(): Ref<boolean> {
  const media = matchMedia(NARROW);
  const is_narrow = ref(media.matches);
  const follow = (event: MediaQueryListEvent): void => {
    is_narrow.value = event.matches;
  };
  media.addEventListener("change", follow);
  onScopeDispose(() => {
    media.removeEventListener("change", follow);
  });
  return is_narrow;
}
