import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { effectScope, nextTick, ref } from "vue";

import type { State } from "@/api/member";

import { drawFavicon, type Icon, nameOf } from "./favicon";
import { iconOf, keepTitle, type PageTitle, titleOf, usePageTitle } from "./page";

function hide(is_hidden: boolean): void {
  Object.defineProperty(document, "visibilityState", { value: is_hidden ? "hidden" : "visible", configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}

afterEach(() => {
  hide(false);
  vi.useRealTimers();
});

describe("the title of a tab", () => {
  it("names the page, and counts what is over", () => {
    expect(titleOf({ title: "Class 9b", progress: { done: 412, total: 500 } })).toBe("(412/500) Class 9b · Headrace");
    expect(titleOf({ title: "" })).toBe("Headrace");
    expect(titleOf({ title: "Essay", state: "failed" }, "✕")).toBe("✕ Essay · Headrace");
  });

  it("is that of the newest page, and else of the screen", async () => {
    const stop = keepTitle(
      () => "Tasks",
      () => undefined,
    );
    expect(document.title).toBe("Tasks · Headrace");
    const scope = effectScope();
    const page = ref("Essay 1");
    scope.run(() => {
      usePageTitle(() => page.value);
    });
    await nextTick();
    expect(document.title).toBe("Essay 1 · Headrace");
    page.value = "Essay 2";
    await nextTick();
    expect(document.title).toBe("Essay 2 · Headrace");
    scope.stop();
    await nextTick();
    expect(document.title).toBe("Tasks · Headrace");
    stop();
  });

  it.each<[State, string]>([
    ["succeeded", "✓ Essay · Headrace"],
    ["failed", "✕ Essay · Headrace"],
  ])("says that it %s while nobody looked, until somebody does", async (end, title) => {
    const state = ref<State>("running");
    const scope = effectScope();
    const stop = keepTitle(
      () => "",
      () => undefined,
    );
    scope.run(() => {
      usePageTitle(() => ({ title: "Essay", state: state.value }));
    });
    await nextTick();
    hide(true);
    state.value = end;
    await nextTick();
    expect(document.title).toBe(title);
    hide(false);
    expect(document.title).toBe("Essay · Headrace");
    scope.stop();
    stop();
  });

  it("says nothing of an end that was seen, or was there before", async () => {
    const scope = effectScope();
    const stop = keepTitle(
      () => "",
      () => undefined,
    );
    hide(true);
    scope.run(() => {
      usePageTitle(() => ({ title: "Essay", state: "succeeded" }));
    });
    await nextTick();
    expect(document.title).toBe("Essay · Headrace");
    scope.stop();
    stop();
  });
});

describe("the icon of a tab", () => {
  const cases: [PageTitle, Icon][] = [
    [{ title: "x" }, { kind: "plain" }],
    [{ title: "x", state: "queued" }, { kind: "plain" }],
    [
      { title: "x", state: "running", fraction: 0.5 },
      { kind: "running", fraction: 0.5 },
    ],
    [
      { title: "x", state: "running", progress: { done: 1, total: 4 } },
      { kind: "running", fraction: 0.25 },
    ],
    [
      { title: "x", state: "running", progress: { done: 0, total: 0 } },
      { kind: "running", fraction: null },
    ],
    [
      { title: "x", state: "failed" },
      { kind: "ended", state: "failed" },
    ],
    [{ title: "x", state: "cancelled" }, { kind: "plain" }],
  ];
  it.each(cases)("of %j is %j", (page, icon) => {
    expect(iconOf(page)).toEqual(icon);
  });

  it("looks the same for steps that nobody sees", () => {
    expect(nameOf({ kind: "running", fraction: 0.5 })).toBe(nameOf({ kind: "running", fraction: 0.501 }));
    expect(nameOf({ kind: "running", fraction: Number.NaN })).toBe(nameOf({ kind: "running", fraction: null }));
  });

  describe("is drawn", () => {
    beforeEach(() => {
      document.head.innerHTML = '<link rel="icon" href="/favicon.svg">';
    });

    it("at most once a second, the newest one in the end", () => {
      vi.useFakeTimers({ now: 100_000_000 });
      const link = document.querySelector<HTMLLinkElement>("link[rel=icon]");
      const set = vi.spyOn(HTMLLinkElement.prototype, "href", "set");
      for (let done = 0; done <= 100; done += 1) {
        drawFavicon({ kind: "running", fraction: done / 100 });
        vi.advanceTimersByTime(50);
      }
      expect(set.mock.calls.length).toBeLessThanOrEqual(7);
      drawFavicon({ kind: "plain" });
      vi.advanceTimersByTime(1_000);
      expect(link?.getAttribute("href")).toBe("/favicon.svg");
    });
  });
});
