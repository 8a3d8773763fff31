import { describe, expect, it } from "vitest";
import { nextTick, ref } from "vue";

import { useParts } from "./parts";

describe("a list in parts", () => {
  it("shows the next part where the one before ends, as long as there is one", () => {
    const parts = useParts();
    expect(parts.has_more.value).toBe(false);
    parts.note(0, "a");
    expect(parts.has_more.value).toBe(true);
    parts.more();
    expect(parts.cursors.value).toEqual([undefined, "a"]);
    parts.note(1, null);
    expect(parts.has_more.value).toBe(false);
  });

  it("lets a part begin where the one before ends now", () => {
    const parts = useParts();
    parts.note(0, "a");
    parts.more();
    parts.note(0, "b");
    expect(parts.cursors.value).toEqual([undefined, "b"]);
    parts.note(0, null);
    expect(parts.cursors.value).toEqual([undefined]);
  });

  it("begins again for another list", async () => {
    const list = ref("one");
    const parts = useParts(() => list.value);
    parts.note(0, "a");
    parts.more();
    list.value = "two";
    await nextTick();
    expect(parts.cursors.value).toEqual([undefined]);
    expect(parts.has_more.value).toBe(false);
  });
});
