import { computed, type ComputedRef } from "vue";

import type { Attempt, TaskDetail } from "@/api/member";
import { useNow } from "@/design/clock";
import { useFormats } from "@/design/formats";
import { useMessages } from "@/i18n";

import messages from "./messages";

/** Return in words how a task ended: when, after how long, and with how many attempts. Empty while it is not over. */
export function useEndWords(task: () => TaskDetail, attempts: () => Attempt[] | null): ComputedRef<string> {
  const { t } = useMessages(messages);
  const formats = useFormats();
  const now = useNow();
  return computed(() => {
    const { state, finished_at, run_seconds, wait_seconds, runs } = task();
    if (finished_at === null || (state !== "succeeded" && state !== "failed" && state !== "cancelled")) return "";
    const when = formats.relative(finished_at, now.value);
    const parts = [
      run_seconds === null ? t(`ended.${state}_at_once`, { when }) : t(`ended.${state}`, { when, time: formats.duration(run_seconds) }),
    ];
    if (wait_seconds !== null) parts.push(t("ended.waited", { time: formats.duration(wait_seconds) }));
    const of_run = attempts()?.filter((each) => each.run === runs && each.started_at !== null).length ?? 0;
    if (of_run > 1) parts.push(t("ended.attempts", { n: of_run }));
    return parts.join(" · ");
  });
}
