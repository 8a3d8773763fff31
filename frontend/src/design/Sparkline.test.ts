import { mount } from "@vue/test-utils";
import { expect, test } from "vitest";

import Sparkline from "./Sparkline.vue";

test("each value is a bar, the largest as high as the picture, and nothing a line at its foot", () => {
  const bars = mount(Sparkline, { props: { values: [0, 5, 10] } }).findAll("rect");
  expect(bars.map((bar) => Number(bar.attributes("height")))).toEqual([1, 10, 20]);
  expect(bars[0]?.classes()).toContain("none");
});

test("a value that is small beside the others can still be seen", () => {
  const bars = mount(Sparkline, { props: { values: [1, 10_000] } }).findAll("rect");
  expect(Number(bars[0]?.attributes("height"))).toBe(3);
});

test("with a label it is a picture with this name, without one it is ornament", () => {
  expect(mount(Sparkline, { props: { values: [1], label: "9 in 24 hours" } }).attributes()).toMatchObject({
    role: "img",
    "aria-label": "9 in 24 hours",
  });
  expect(mount(Sparkline, { props: { values: [1] } }).attributes("aria-hidden")).toBe("true");
});
