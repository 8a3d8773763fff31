import { type Ref, readonly, ref } from "vue";
import { type Composer, createI18n } from "vue-i18n";

import common from "./common";
import { type Messages, type Path, type Translations, defineMessages } from "./messages";

export { defineMessages };

/** The languages that the application speaks. */
export const LANGUAGES = ["en", "de"] as const;
export type Language = (typeof LANGUAGES)[number];

const spoken = ref<Language>(preferred());

/** The one i18n of the application. Its messages are those that every screen uses: states, codes, common words. */
export const i18n = createI18n({
  legacy: false,
  locale: spoken.value as string,
  fallbackLocale: "en",
  messages: common as unknown as Record<string, Record<string, string>>,
  // The types exclude a missing key; a page that complains about one for each row would help nobody.
  missingWarn: false,
  fallbackWarn: false,
});
const everywhere = i18n.global as unknown as Composer;

/** The language that is spoken now. */
export const language: Readonly<Ref<Language>> = readonly(spoken);

/** Speak another language from now on; without one, that of the browser. */
export function speak(next: Language | null): void {
  spoken.value = next ?? preferred();
  everywhere.locale.value = spoken.value;
  document.documentElement.lang = spoken.value;
}

/** Return the language that this browser asks for, of those that we speak. */
export function preferred(): Language {
  return navigator.language.toLowerCase().startsWith("de") ? "de" : "en";
}

/** Says a message. A value called `n` also chooses between the forms that `|` separates. Numbers are written as the language writes them. */
export type Translate<M> = (key: Path<M>, values?: Record<string, unknown>) => string;

export interface UsedMessages<M> {
  t: Translate<M>;
  language: Readonly<Ref<Language>>;
}

/**
 * Return how a screen says its own messages. `t` takes the keys of these messages and no others.
 *
 * They are put beside those of the other screens, under a name of their own, when they are first used: a component may use several of
 * them, and a row of a list costs nothing.
 */
export function useMessages<M extends Messages>(messages: Translations<M>): UsedMessages<M> {
  return used(`${nameOf(messages)}.`);
}

const names = new WeakMap<object, string>();
let named = 0;

function nameOf(messages: Translations<Messages>): string {
  let name = names.get(messages);
  if (name === undefined) {
    named += 1;
    name = `screen_${String(named)}`;
    names.set(messages, name);
    for (const each of LANGUAGES) everywhere.mergeLocaleMessage(each, { [name]: messages[each] });
  }
  return name;
}

/** Return how to say the messages that every screen shares. */
export function useCommon(): UsedMessages<(typeof common)["en"]> {
  return used("");
}

const DIGITS_MAX = 20;
const numbers: Record<Language, Intl.NumberFormat> = {
  en: new Intl.NumberFormat("en", { maximumFractionDigits: DIGITS_MAX }),
  de: new Intl.NumberFormat("de", { maximumFractionDigits: DIGITS_MAX }),
};

/** A number of a message, with the marks of its language and with all of its digits; anything else as it is. */
function writtenOut(value: unknown): unknown {
  return typeof value === "number" ? numbers[spoken.value].format(value) : value;
}

function used<M>(prefix: string): UsedMessages<M> {
  const say = everywhere.t as (key: string, values: Record<string, unknown>, plural?: number) => string;
  return {
    t: (key, values = {}) => {
      const amount = values["n"];
      const written = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, writtenOut(value)]));
      return typeof amount === "number" ? say(prefix + key, written, amount) : say(prefix + key, written);
    },
    language,
  };
}
