import { afterEach, describe, expect, it, vi } from "vitest";
import { effectScope, type EffectScope } from "vue";

import { bindings, type KeyAction, press, switchKeys, useKeys } from "./keys";

let scopes: EffectScope[] = [];

function bind(keys: Record<string, KeyAction>): EffectScope {
  const scope = effectScope();
  scopes.push(scope);
  scope.run(() => {
    useKeys(keys, { label: "test" });
  });
  return scope;
}

function key(name: string, options: KeyboardEventInit = {}, target: Element = document.body): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...options });
  Object.defineProperty(event, "target", { value: target });
  return event;
}

function element(html: string): Element {
  document.body.innerHTML = html;
  const found = document.body.firstElementChild;
  if (found === null) throw new Error("nothing was made");
  return found;
}

afterEach(() => {
  for (const scope of scopes) scope.stop();
  scopes = [];
  document.body.innerHTML = "";
  localStorage.clear();
  switchKeys(true);
  press(key("Escape"), 0);
});

describe("a key", () => {
  it("does what it is bound to, for as long as the component is there", () => {
    const act = vi.fn<KeyAction>();
    const scope = bind({ j: act });
    expect(press(key("j"))).toBe(true);
    scope.stop();
    expect(press(key("j"))).toBe(false);
    expect(act).toHaveBeenCalledTimes(1);
    expect(bindings).toHaveLength(0);
  });

  it("does what the newest component says", () => {
    const [shell, page] = [vi.fn<KeyAction>(), vi.fn<KeyAction>()];
    bind({ "/": shell });
    bind({ "/": page });
    press(key("/"));
    expect(page).toHaveBeenCalledTimes(1);
    expect(shell).not.toHaveBeenCalled();
  });

  it("does nothing with Ctrl, Alt or Meta", () => {
    const act = vi.fn<KeyAction>();
    bind({ r: act });
    for (const modifier of ["ctrlKey", "altKey", "metaKey"]) expect(press(key("r", { [modifier]: true }))).toBe(false);
    expect(act).not.toHaveBeenCalled();
  });

  it.each(["<input>", "<textarea></textarea>", "<select></select>", "<div contenteditable='true'></div>", "<div role='combobox'></div>"])(
    "does nothing while somebody types into %s",
    (html) => {
      const act = vi.fn<KeyAction>();
      bind({ r: act });
      expect(press(key("r", {}, element(html)))).toBe(false);
      expect(act).not.toHaveBeenCalled();
    },
  );

  it("works in a box that is ticked, which takes no text", () => {
    bind({ r: vi.fn<KeyAction>() });
    expect(press(key("r", {}, element("<input type='checkbox'>")))).toBe(true);
  });

  it.each(["<div class='q-dialog'></div>", "<div class='q-menu'></div>", "<div aria-modal='true'></div>"])(
    "does nothing under %s",
    (html) => {
      const act = vi.fn<KeyAction>();
      bind({ r: act });
      element(html);
      expect(press(key("r"))).toBe(false);
      expect(act).not.toHaveBeenCalled();
    },
  );

  it("leaves Enter to the button or link that has the focus", () => {
    const act = vi.fn<KeyAction>();
    bind({ Enter: act });
    expect(press(key("Enter", {}, element("<a href='/x'>x</a>")))).toBe(false);
    expect(press(key("Enter", {}, element("<button>x</button>")))).toBe(false);
    expect(press(key("Enter"))).toBe(true);
    expect(act).toHaveBeenCalledTimes(1);
  });

  it("works with caps lock, and is another one with shift", () => {
    const [small, great] = [vi.fn<KeyAction>(), vi.fn<KeyAction>()];
    bind({ j: small, J: great });
    press(key("J"));
    expect(small).toHaveBeenCalledTimes(1);
    press(key("J", { shiftKey: true }));
    expect(great).toHaveBeenCalledTimes(1);
  });

  it("does nothing once keys are switched off", () => {
    bind({ j: vi.fn<KeyAction>() });
    switchKeys(false);
    expect(press(key("j"))).toBe(false);
    expect(localStorage.getItem("headrace-keys-off")).toBe("1");
  });
});

describe("two keys", () => {
  it("do something one after the other", () => {
    const act = vi.fn<KeyAction>();
    bind({ "g t": act });
    expect(press(key("g"), 1_000)).toBe(false);
    expect(press(key("t"), 1_500)).toBe(true);
    expect(act).toHaveBeenCalledTimes(1);
  });

  it("do nothing when the second one comes late", () => {
    bind({ "g t": vi.fn<KeyAction>() });
    press(key("g"), 1_000);
    expect(press(key("t"), 3_000)).toBe(false);
  });

  it("do nothing when another key is between them", () => {
    bind({ "g t": vi.fn<KeyAction>() });
    press(key("g"), 1_000);
    press(key("x"), 1_100);
    expect(press(key("t"), 1_200)).toBe(false);
  });
});
