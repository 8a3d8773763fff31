import type { TimelineItem } from "@/api/member";
import { useFormats } from "@/design/formats";
import { useCommon, useMessages } from "@/i18n";

import messages from "./messages";

/** Return what says in words what an event of a task is. */
export function useEventWords(): (item: TimelineItem) => string {
  const { t } = useMessages(messages);
  const common = useCommon();
  const formats = useFormats();

  function begun(item: Extract<TimelineItem, { event: "queued" | "deferred" }>): string {
    const attempt = formats.count(item.attempt);
    const is_again = (item.data.fence ?? 0) > 0;
    if (item.event === "queued") {
      if (item.attempt > 1) return t("timeline.queued", { attempt });
      return item.data.due_at ? t("timeline.due") : t(is_again ? "timeline.run_again" : "timeline.submitted");
    }
    const when = formats.date(item.data.due_at);
    const pause = formats.duration(Math.max(0, Date.parse(item.data.due_at) - Date.parse(item.at)) / 1000);
    if (item.attempt === 1) return t(is_again ? "timeline.run_again_later" : "timeline.submitted_later", { when });
    const { error } = item.data;
    return error
      ? t("timeline.retry", { code: common.t(`code.${error.code}`), attempt, pause })
      : t("timeline.deferred", { attempt, pause });
  }

  return (item) => {
    switch (item.event) {
      case "queued":
      case "deferred":
        return begun(item);
      case "started": {
        const { worker, delivered = 1 } = item.data;
        return t(delivered > 1 ? "timeline.given" : "timeline.started", { worker });
      }
      case "stored":
        return t("timeline.stored", { name: item.data.name });
      case "finished": {
        const { outcome, error } = item.data;
        return t(`timeline.${outcome}`, { code: error ? common.t(`code.${error.code}`) : common.t("unknown") });
      }
      default:
        // A later server may have events that this page does not know.
        return (item as { event: string }).event;
    }
  };
}
