import { computed } from "vue";

import type { TaskRow } from "@/api/member";
import { useNow } from "@/design/clock";
import { useFormats } from "@/design/formats";
import { useCommon, useMessages } from "@/i18n";

import messages from "../messages";

/** What a row says, as texts. */
export interface RowTexts {
  note: string;
  fraction: number | null;
  duration: string;
  created: string;
  created_exact: string;
  select_label: string;
}

/** Return what makes the texts of a row. They are made anew once a second, for the rows that are drawn. */
export function useRowTexts(): (row: TaskRow) => RowTexts {
  const { t } = useMessages(messages);
  const common = useCommon();
  const formats = useFormats();
  const now = useNow();

  function noteOf(row: TaskRow): string {
    switch (row.state) {
      case "running":
        return row.progress?.message ?? attemptOf(row);
      case "pending":
        return row.due_at === null ? "" : t("rows.due", { when: formats.relative(row.due_at, now.value) });
      case "failed":
        return row.error === null ? "" : `${common.t(`code.${row.error.code}`)}: ${firstLine(row.error.message)}`;
      case "queued":
        return row.error === null ? attemptOf(row) : `${attemptOf(row)} · ${firstLine(row.error.message)}`;
      default:
        return row.batch?.name ? t("rows.batch", { name: row.batch.name }) : "";
    }
  }

  function attemptOf(row: TaskRow): string {
    return row.attempt > 1 ? t("rows.attempt", { n: row.attempt }) : "";
  }

  function durationOf(row: TaskRow): string {
    if (row.state === "running" && row.started_at !== null) return formats.clock((now.value - Date.parse(row.started_at)) / 1000);
    if (row.run_seconds !== null && row.finished_at !== null) return formats.duration(row.run_seconds);
    return "–";
  }

  function textsOf(row: TaskRow): RowTexts {
    return {
      note: noteOf(row),
      fraction: row.state === "running" ? (row.progress?.fraction ?? null) : null,
      duration: durationOf(row),
      created: formats.relative(row.created_at, now.value),
      created_exact: formats.exact(row.created_at),
      select_label: t("rows.select", { title: row.title }),
    };
  }

  // A list is drawn ten times a second while tasks flow, and most of its rows are what they were.
  const known = computed(() => {
    void [now.value, formats.style.value];
    return new WeakMap<TaskRow, RowTexts>();
  });

  return (row) => {
    let texts = known.value.get(row);
    if (texts === undefined) known.value.set(row, (texts = textsOf(row)));
    return texts;
  };
}

function firstLine(text: string): string {
  const end = text.indexOf("\n");
  return end < 0 ? text : text.slice(0, end);
}
