import { mount, type VueWrapper } from "@vue/test-utils";
import { Quasar } from "quasar";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { i18n } from "@/i18n";

import { notify, toasts } from "../notify";
import Toasts from "./Toasts.vue";

const LONGER_THAN_SHOWN = 7_000;
let shown: VueWrapper;

function pointAt(movementX: number): void {
  shown.get("section").element.dispatchEvent(Object.assign(new Event("mousemove"), { movementX, movementY: 0 }));
}

describe("the notices", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    shown = mount(Toasts as object, { global: { plugins: [i18n, Quasar] } });
  });
  afterEach(() => {
    shown.unmount();
    toasts.splice(0);
    vi.useRealTimers();
  });

  it("go although they came up under a pointer that rests", async () => {
    notify({ text: "Saved." });
    await shown.vm.$nextTick();
    pointAt(0);
    vi.advanceTimersByTime(LONGER_THAN_SHOWN);
    expect(toasts).toHaveLength(0);
  });

  it("stay while somebody points at them", async () => {
    notify({ text: "Saved." });
    await shown.vm.$nextTick();
    pointAt(3);
    vi.advanceTimersByTime(LONGER_THAN_SHOWN);
    expect(toasts).toHaveLength(1);
    await shown.get("section").trigger("mouseleave");
    vi.advanceTimersByTime(LONGER_THAN_SHOWN);
    expect(toasts).toHaveLength(0);
  });
});
