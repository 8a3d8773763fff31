import { onScopeDispose, shallowReactive, ref, type MaybeRefOrGetter } from "vue";

export type KeyAction = (event: KeyboardEvent) => void;

/** Some keys, and in words what they do. */
export interface Binding {
  keys: Record<string, KeyAction>;
  label: MaybeRefOrGetter<string>;
  /** Whether they work on every page. */
  anywhere?: boolean;
}

// How long the second key of `g t` may take.
const SEQUENCE_MILLISECONDS = 1_200;
const SWITCHED_OFF = "headrace-keys-off";
const TYPING = "input, textarea, select, [contenteditable=''], [contenteditable=true], [role=textbox], [role=combobox], [role=listbox]";
// What floats over the page has keys of its own.
const FLOATING = ".q-dialog, .q-menu, [aria-modal=true]";
const PRESSED_BY_ENTER =
  "a, button, summary, [role=button], [role=checkbox], [role=link], [role=menuitem], [role=option], [role=switch], [role=tab]";

/** All keys that work at the moment, those of the shell first. A later one wins. */
export const bindings = shallowReactive<Binding[]>([]);

/** Whether keys without a modifier do something. People who dictate switch them off (WCAG 2.1.4). */
export const keys_on = ref(!isSwitchedOff());

let first = "";
let first_at = 0;

/**
 * Let keys do something for as long as the component is there: `j`, `?`, `Enter`, or one after the other, `g t`.
 *
 * They do nothing while somebody types, with Ctrl, Alt or Meta, and under a dialog or a menu. The sheet that `?` opens lists them with
 * their label, one line for each call; without a label it does not.
 */
export function useKeys(keys: Record<string, KeyAction>, options: Omit<Binding, "keys">): void {
  const binding: Binding = { keys, ...options };
  bindings.push(binding);
  onScopeDispose(() => {
    const at = bindings.indexOf(binding);
    if (at >= 0) bindings.splice(at, 1);
  });
}

/** Do what a key is bound to. Return whether it was. The shell calls it for every key. */
export function press(event: KeyboardEvent, now = event.timeStamp): boolean {
  const key = pressedKey(event);
  const sequence = first !== "" && now - first_at <= SEQUENCE_MILLISECONDS ? `${first} ${key}` : "";
  first = "";
  if (!keys_on.value || event.defaultPrevented || event.isComposing || isForSomethingElse(event, key)) return false;
  const action = (sequence === "" ? undefined : boundTo(sequence)) ?? boundTo(key);
  if (action === undefined) {
    first = beginsSequence(key) ? key : "";
    first_at = now;
    return false;
  }
  event.preventDefault();
  action(event);
  return true;
}

/** Return the keys of a binding that no later one has taken over. */
export function keysOf(binding: Binding): string[] {
  const later = bindings.slice(bindings.indexOf(binding) + 1);
  return Object.keys(binding.keys).filter((key) => !later.some((other) => Object.hasOwn(other.keys, key)));
}

/** Switch the keys without a modifier on or off, for this browser. */
export function switchKeys(on: boolean): void {
  keys_on.value = on;
  try {
    if (on) localStorage.removeItem(SWITCHED_OFF);
    else localStorage.setItem(SWITCHED_OFF, "1");
  } catch {
    // Without storage it holds until the page is left.
  }
}

function pressedKey(event: KeyboardEvent): string {
  // With caps lock, `j` arrives as `J`; with shift, it is meant.
  return event.key.length === 1 && !event.shiftKey ? event.key.toLowerCase() : event.key;
}

function boundTo(key: string): KeyAction | undefined {
  return bindings.findLast((binding) => Object.hasOwn(binding.keys, key))?.keys[key];
}

function beginsSequence(key: string): boolean {
  return bindings.some((binding) => Object.keys(binding.keys).some((each) => each.startsWith(`${key} `)));
}

function isForSomethingElse(event: KeyboardEvent, key: string): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  if (document.querySelector(FLOATING) !== null) return true;
  if (!(event.target instanceof Element)) return false;
  if (event.target.closest(TYPING) !== null && !isSwitch(event.target)) return true;
  return (key === "Enter" || key === " ") && event.target.closest(PRESSED_BY_ENTER) !== null;
}

// A box that is ticked takes no text: letters there are as good as anywhere.
function isSwitch(target: Element): boolean {
  return target instanceof HTMLInputElement && ["checkbox", "radio", "button", "submit"].includes(target.type);
}

function isSwitchedOff(): boolean {
  try {
    return localStorage.getItem(SWITCHED_OFF) === "1";
  } catch {
    return false;
  }
}
