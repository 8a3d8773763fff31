import type { FilterView, TaskRow } from "@/api/member";
import { useFormats } from "@/design/formats";
import { useCommon, useMessages } from "@/i18n";

import messages from "../messages";
import { restrictions } from "./filter";

/** The owner of a filter that selects the tasks of every account. */
const EVERYONE = "*";

/** A restriction in words, as a chip or a sentence says it. */
export interface FilterWord {
  field: keyof FilterView;
  text: string;
}

/** Return what says a filter in words. A row that the filter selects tells the names of its batch, schedule and owner. */
export function useFilterWords(row: () => TaskRow | undefined = () => undefined): (filter: Partial<FilterView>) => FilterWord[] {
  const { t } = useMessages(messages);
  const common = useCommon();
  const formats = useFormats();

  function valueOf(filter: Partial<FilterView>, field: keyof FilterView): string {
    switch (field) {
      case "state":
        return (filter.state ?? []).map((state) => common.t(`state.${state}`)).join(", ");
      case "code":
        return (filter.code ?? []).map((code) => common.t(`code.${code}`)).join(", ");
      case "kind":
        return (filter.kind ?? []).join(", ");
      case "labels":
        return Object.entries(filter.labels ?? {})
          .map(([key, value]) => `${key}=${value}`)
          .join(", ");
      case "batch":
      case "schedule":
      case "owner":
        return nameOf(field, filter[field] ?? "");
      case "created_from":
      case "created_before":
      case "finished_from":
      case "finished_before":
        return formats.date(filter[field] ?? "");
      case "slower_than":
      case "waited_longer_than":
        return formats.duration(filter[field] ?? 0);
      case "fingerprint":
        return (filter.fingerprint ?? "").slice(0, 8);
      case "q":
        return filter.q ?? "";
    }
  }

  function nameOf(field: "batch" | "schedule" | "owner", id: string): string {
    if (field === "owner" && id === EVERYONE) return t("words.everyone");
    const known = row()?.[field];
    return (known?.id === id ? known.name : null) ?? id.slice(-6);
  }

  return (filter) => restrictions(filter).map((field) => ({ field, text: t(`words.${field}`, { value: valueOf(filter, field) }) }));
}
