import { computed, type ComputedRef } from "vue";

import type { Attention } from "@/api/member";
import { useFormats } from "@/design/formats";
import { useCommon, useMessages } from "@/i18n";

import messages from "./messages";
import { type Area, isAtLeast } from "./words";

/** An entry in words: what is wrong, what it is about, and what to do. */
export interface Words {
  headline: string;
  about: string;
  /** What a machine said, such as an error. */
  quote: string | null;
  advice: string | null;
  show: string;
  run_again: string;
}

/** Says in words what needs attention. */
export function useWords(entry: () => Attention, area: () => Area): ComputedRef<Words> {
  const { t } = useMessages(messages);
  const { t: common } = useCommon();
  const formats = useFormats();

  return computed(() => {
    const { what, kind, count: n, group, since } = entry();
    const count = isAtLeast(entry(), area()) ? t("at_least", { count: formats.count(n) }) : formats.count(n);
    const of = { n, count, kind: kind ?? "" };
    const words: Words = {
      headline: t(what, of),
      about: "",
      quote: null,
      advice: null,
      show: t("show_tasks", of),
      run_again: t("run_again", of),
    };
    switch (what) {
      case "failures":
        return { ...words, about: `${kind ?? ""} · ${group === null ? "" : common(`code.${group.code}`)}`, quote: group?.message ?? null };
      case "no_workers":
        return { ...words, about: t("no_workers_waiting", of), advice: t("no_workers_mend") };
      case "paused":
        return { ...words, about: t("paused_waiting", of) };
      case "late":
        return { ...words, about: kind ?? "", advice: t("late_mend") };
      case "expiring":
        return { ...words, about: kind ?? "", advice: t("expiring_mend", { at: formats.time_of_day(since) }) };
      case "schedule_stuck":
        return { ...words, advice: t("schedule_stuck_mend") };
      case "log_filling":
        return { ...words, advice: t("log_filling_mend") };
      case "behind":
        return { ...words, advice: t("behind_mend") };
    }
  });
}
