import { type Ref, ref, watchEffect } from "vue";

import { useFormats } from "@/design/formats";
import { useMessages } from "@/i18n";

import { describeCron, shortenCron } from "./cron";
import { intervalOf } from "./interval";
import messages from "./messages";

/** When a schedule fires, as far as the words for it need it. */
export interface When {
  cron: string | null;
  every: number | null;
}

/**
 * Say in words when a schedule fires, in the language and the hours of the reader.
 *
 * Until the words for expressions are loaded it is an empty text. Null means that there are none, because it is no expression.
 */
export function useWords(when: () => When): Ref<string | null> {
  const { t, language } = useMessages(messages);
  const formats = useFormats();
  const words = ref<string | null>("");

  watchEffect((onCleanup) => {
    const { cron, every } = when();
    if (cron === null) {
      const { amount, unit } = intervalOf(every ?? 0);
      words.value = t(`every.${unit}`, { n: amount });
      return;
    }
    let is_current = true;
    onCleanup(() => (is_current = false));
    void put(cron, () => is_current);
  });
  return words;

  async function put(cron: string, isCurrent: () => boolean): Promise<void> {
    const described = await describeCron(cron, language.value, formats.style.value.hours);
    if (isCurrent()) words.value = described;
  }
}

/** Return an expression that could not be put into words as it is shown. */
export function bareWords(cron: string | null): string {
  return shortenCron(cron ?? "");
}
