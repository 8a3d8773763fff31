const DIALOG = "[aria-modal=true]";
const STOPS =
  "a[href], button:not(:disabled), input:not(:disabled), select:not(:disabled), textarea:not(:disabled), summary, [tabindex]:not([tabindex^='-'])";

/**
 * Keep the tabulator within the dialog that is open: after its last part comes its first one.
 *
 * Quasar gets the focus back from below a dialog, but to the first element with a `tabindex`, so that fields before that are never come to.
 */
export function trapTab(event: KeyboardEvent): void {
  if (event.key !== "Tab" || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
  const dialog = [...document.querySelectorAll(DIALOG)].at(-1);
  const active = document.activeElement;
  // What opens from a field of the dialog has keys of its own.
  if (dialog === undefined || active === null || active.closest(".q-menu") !== null) return;
  const stops = [...dialog.querySelectorAll<HTMLElement>(STOPS)].filter((each) => each.checkVisibility());
  const [from, to] = event.shiftKey ? [stops.at(0), stops.at(-1)] : [stops.at(-1), stops.at(0)];
  if (from === undefined || to === undefined || (dialog.contains(active) && !isSameStop(active, from))) return;
  event.preventDefault();
  to.focus();
}

// Of the radio buttons of a group, the tabulator stops at one.
function isSameStop(one: Element, other: Element): boolean {
  if (one === other) return true;
  const both = [one, other].every((each) => each instanceof HTMLInputElement && each.type === "radio");
  return both && (one as HTMLInputElement).name === (other as HTMLInputElement).name;
}
