import { mount } from "@vue/test-utils";
import { describe, expect, it } from "vitest";
import { defineComponent, h, nextTick, ref } from "vue";

import { type Following, useFollow } from "./useFollow";

function makeBox() {
  // The box shows 100 pixels, and a line has ten.
  const grown = ref(50);
  const element = {
    scrollTop: 0,
    clientHeight: 100,
    get scrollHeight() {
      return grown.value * 10;
    },
  } as HTMLElement;
  let following: Following | undefined;
  mount(
    defineComponent(() => {
      following = useFollow(
        () => element,
        () => grown.value,
      );
      return () => h("div");
    }),
  );
  async function write(lines: number): Promise<void> {
    grown.value += lines;
    await nextTick();
    await nextTick();
  }
  function scrollTo(top: number): void {
    element.scrollTop = top;
    following?.scrolled();
  }
  return { element, following: following as Following, write, scrollTo };
}

describe("a box that follows what grows", () => {
  it("begins at the end, and stays there", async () => {
    const { element, following, write } = makeBox();
    expect(element.scrollTop).toBe(500);
    await write(3);
    expect([element.scrollTop, following.following.value, following.missed.value]).toEqual([530, true, 0]);
  });

  it("stands still once somebody has scrolled up, and says how many have come since", async () => {
    const { element, following, write, scrollTo } = makeBox();
    scrollTo(200);
    await write(7);
    expect([element.scrollTop, following.following.value, following.missed.value]).toEqual([200, false, 7]);
    scrollTo(100);
    expect(following.missed.value).toBe(7);
  });

  it("follows again when somebody scrolls to the end, or asks for it", async () => {
    const { element, following, write, scrollTo } = makeBox();
    scrollTo(200);
    await write(7);
    scrollTo(570 - 100);
    expect([following.following.value, following.missed.value]).toEqual([true, 0]);
    scrollTo(0);
    following.jump();
    expect([element.scrollTop, following.following.value]).toEqual([570, true]);
  });
});
