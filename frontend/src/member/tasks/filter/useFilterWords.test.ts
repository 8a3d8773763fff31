import { mount } from "@vue/test-utils";
import { describe, expect, it } from "vitest";
import { defineComponent, h } from "vue";

import { i18n } from "@/i18n";

import { useFilterWords } from "./useFilterWords";

describe("a filter in words", () => {
  it("says that it selects the tasks of everybody, and not by which mark", () => {
    let words: ReturnType<typeof useFilterWords> = () => [];
    mount(
      defineComponent({
        setup: () => ((words = useFilterWords()), () => h("p")),
      }),
      { global: { plugins: [i18n] } },
    );
    expect(words({ owner: "*", state: ["failed"] }).map(({ text }) => text)).toEqual(["owner: everybody", "state: failed"]);
  });
});
