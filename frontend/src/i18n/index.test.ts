import { afterEach, describe, expect, it } from "vitest";

import { defineMessages, speak, useCommon, useMessages } from ".";

const one = defineMessages({
  en: { title: "One", some: { "a:b": "{n} row | {n} rows" } },
  de: { title: "Eins", some: { "a:b": "{n} Zeile | {n} Zeilen" } },
});
const other = defineMessages({ en: { title: "Other" }, de: { title: "Anderes" } });

describe("the messages of a screen", () => {
  afterEach(() => {
    speak("en");
  });

  it("are told apart from those of others that the same component uses", () => {
    speak("en");
    const [first, second, again] = [useMessages(one), useMessages(other), useMessages(one)];
    expect([first.t("title"), second.t("title"), again.t("title")]).toEqual(["One", "Other", "One"]);
    expect(useCommon().t("copy")).toBe("Copy");
  });

  it("follow the language", () => {
    const { t } = useMessages(one);
    speak("de");
    expect(t("title")).toBe("Eins");
    expect(useCommon().t("copy")).toBe("Kopieren");
  });

  it("choose their form by the number", () => {
    speak("en");
    const { t } = useMessages(one);
    expect([t("some.a:b", { n: 1 }), t("some.a:b", { n: 2 })]).toEqual(["1 row", "2 rows"]);
  });

  it("write numbers as the language does, and keep all of their digits", () => {
    const { t } = useMessages(one);
    speak("en");
    expect([t("some.a:b", { n: 2_000 }), t("some.a:b", { n: 0.000_25 })]).toEqual(["2,000 rows", "0.00025 rows"]);
    speak("de");
    expect([t("some.a:b", { n: 1 }), t("some.a:b", { n: 2_000 })]).toEqual(["1 Zeile", "2.000 Zeilen"]);
  });
});
