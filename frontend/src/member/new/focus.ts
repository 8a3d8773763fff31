import { onMounted } from "vue";
import { useRouter } from "vue-router";

/**
 * Give the focus to the first field, on a device with a keyboard, where somebody has chosen the kind here or in the palette.
 *
 * They go on in its form, and not through all the kinds that come before it. A page that is opened first has the focus at its beginning.
 */
export function useFocusOfChosen(form: () => HTMLElement | null): void {
  const router = useRouter();
  onMounted(() => {
    const focused = document.activeElement ?? document.body;
    const came_from_elsewhere = typeof router.options.history.state["back"] === "string";
    const is_chosen = focused.closest("[data-kinds]") !== null || (came_from_elsewhere && focused.matches("body, main h1"));
    if (!is_chosen || matchMedia("(pointer: coarse)").matches) return;
    form()?.querySelector<HTMLElement>("textarea, select, input:not([type=radio])")?.focus();
  });
}
