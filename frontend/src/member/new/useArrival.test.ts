import { mount } from "@vue/test-utils";
import { afterEach, describe, expect, it } from "vitest";
import { defineComponent, h } from "vue";
import { createMemoryHistory, createRouter } from "vue-router";

import { i18n } from "@/i18n";
import { toasts } from "@/shell/notify";

import { useArrival } from "./useArrival";

function aForm(): { arrive: ReturnType<typeof useArrival>; leave: () => void; at: () => string; settle: () => Promise<void> } {
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: "/:rest(.*)", component: () => h("p") }] });
  let arrive: ReturnType<typeof useArrival> = () => undefined;
  const form = mount(
    defineComponent({
      setup: () => ((arrive = useArrival()), () => h("form")),
    }),
    { global: { plugins: [i18n, router] } },
  );
  return {
    arrive: (title, to) => {
      arrive(title, to);
    },
    leave: () => {
      form.unmount();
    },
    at: () => router.currentRoute.value.path,
    settle: async () => {
      await router.isReady();
    },
  };
}

describe("what was submitted", () => {
  afterEach(() => {
    toasts.splice(0);
  });

  it("is shown to who waits for it", async () => {
    const { arrive, at, settle } = aForm();
    arrive("Tides", "/tasks/1");
    await settle();
    expect([at(), toasts.length]).toEqual(["/tasks/1", 0]);
  });

  it("fetches nobody back who has gone to another page, and is told there", () => {
    const { arrive, leave, at } = aForm();
    leave();
    arrive("Tides", "/tasks/1");
    expect(at()).toBe("/");
    expect(toasts.map(({ text, to }) => [text, to])).toEqual([["Submitted: Tides", "/tasks/1"]]);
  });
});
