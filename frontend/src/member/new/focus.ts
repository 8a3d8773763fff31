import { onMounted } from "vue";

/** Put the focus on the first field of a form when somebody has chosen its kind by keyboard: all the kinds come before it. */
export function useFocusFromList(form: () => HTMLElement | null): void {
  onMounted(() => {
    const is_from_list = document.activeElement instanceof HTMLElement && document.activeElement.closest("[data-kinds]") !== null;
    if (!is_from_list || matchMedia("(pointer: coarse)").matches) return;
    form()?.querySelector<HTMLElement>("textarea, select, input:not([type=radio])")?.focus();
  });
}
