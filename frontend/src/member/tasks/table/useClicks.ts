import type { Selection } from "../useSelection";

/**
 * Return what a click in the table does: a box selects its row, with shift all rows from the one before, and a link opens its task.
 *
 * A click with a key of the browser, such as that for another tab, is left to the browser.
 */
export function useClicks(selection: Selection, open: (href: string) => void): (event: MouseEvent) => void {
  return (event) => {
    if (!(event.target instanceof Element)) return;
    const task = event.target.closest<HTMLElement>("[data-task]")?.dataset["task"];
    if (task === undefined) return;
    const box = event.target.closest<HTMLInputElement>("[data-pick]");
    if (box !== null) {
      selection.toggle(task, event.shiftKey);
      // The box shows what is selected, also where the browser has ticked it.
      box.checked = selection.ids.value.has(task);
      return;
    }
    const link = event.target.closest<HTMLAnchorElement>("[data-open]");
    if (link === null || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)
      return;
    event.preventDefault();
    open(link.getAttribute("href") ?? "");
  };
}
