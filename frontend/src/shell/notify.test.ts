import { afterEach, describe, expect, it } from "vitest";

import { ApiError } from "@/api/errors";

import { close, notify, notifyError, toasts } from "./notify";

afterEach(() => {
  toasts.splice(0);
});

describe("a notice", () => {
  it("goes by itself, and an error stays until it is closed", () => {
    notify({ text: "done" });
    notifyError(new ApiError(503, "away", "It is away.", "abc"));
    expect(toasts.map(({ text, milliseconds }) => [text, milliseconds])).toEqual([
      ["done", 6_000],
      ["It is away.", null],
    ]);
    expect(toasts[1]?.correlation).toBe("abc");
    close(toasts[1]?.id ?? 0);
    expect(toasts).toHaveLength(1);
  });

  it("is one of three at most, and an error that repeats is said once", () => {
    for (const text of ["1", "2", "3", "4"]) notify({ text });
    expect(toasts.map(({ text }) => text)).toEqual(["2", "3", "4"]);
    notifyError(new Error("x"), "same");
    notifyError(new Error("x"), "same");
    expect(toasts.filter(({ text }) => text === "same")).toHaveLength(1);
  });

  it("can be taken away by who has given it", () => {
    notify({ text: "undo me", undo: () => undefined })();
    expect(toasts).toHaveLength(0);
  });
});
