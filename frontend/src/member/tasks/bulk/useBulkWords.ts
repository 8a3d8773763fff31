import { computed, type ComputedRef } from "vue";
import type { RouteLocationRaw } from "vue-router";
import { useRoute } from "vue-router";

import type { Filter } from "@/api/core";
import { useFormats } from "@/design/formats";
import { useMessages } from "@/i18n";

import { anyTask, formatFilter } from "../filter/filter";
import { useFilterWords } from "../filter/useFilterWords";
import messages from "../messages";
import { type BulkAction, narrowed } from "./change";
import { type BulkTarget, changeable } from "./target";
import type { Bulk } from "./useBulk";

const PER_SECOND = 100;
const SAID_FROM_SECONDS = 5;
const NAMED_MAX = 3;

/** Return what a bulk action says before it begins, and where its result is shown. */
export function useBulkWords(
  action: () => BulkAction,
  target: () => BulkTarget | null,
  bulk: Bulk,
): { sentences: ComputedRef<string[]>; shown: (at: string | null) => RouteLocationRaw | null } {
  const { t } = useMessages(messages);
  const formats = useFormats();
  const words = useFilterWords();
  const route = useRoute();

  const sentences = computed(() => {
    const count = bulk.count.value;
    const about = target();
    if (bulk.error.value !== null) return [bulk.error.value.message];
    if (count === null || about === null) return [t("bulk.counting")];
    if (count === 0) return [t("bulk.none")];
    const said = [t(action() === "cancel" ? "bulk.cancel_says" : "bulk.run_says", { n: count, count: formats.count(count) })];
    if ("select" in about) {
      const filter = words(narrowed(action(), about.select)).map((word) => word.text);
      said.push(t("bulk.which", { filter: filter.join("; ") }));
    } else {
      const names = changeable(action(), about.rows).map((row) => row.title);
      said.push([...names.slice(0, NAMED_MAX), ...(names.length > NAMED_MAX ? ["…"] : [])].join(", "));
    }
    if ("rows" in about && about.rows.length > count) {
      const rest = about.rows.length - count;
      said.push(t(action() === "cancel" ? "bulk.left_out" : "bulk.left_open", { n: rest, count: formats.count(rest) }));
    }
    const seconds = count / PER_SECOND;
    if ("select" in about && seconds >= SAID_FROM_SECONDS) said.push(t("bulk.lasts", { time: formats.duration(Math.ceil(seconds)) }));
    return said;
  });

  function shown(at: string | null): RouteLocationRaw | null {
    const about = target();
    if (about === null || !("select" in about)) return null;
    return { name: route.path.startsWith("/admin") ? "admin_tasks" : "tasks", query: formatFilter(afterwards(action(), about.select, at)) };
  }

  return { sentences, shown };
}

/** Return a filter that shows what became of the tasks of another one. */
export function afterwards(action: BulkAction, select: Filter, at: string | null): Filter {
  const { state: _, code: __, fingerprint: ___, finished_from: ____, finished_before: _____, slower_than: ______, ...rest } = select;
  const filter: Filter = Object.fromEntries(Object.entries({ ...anyTask(), ...rest }).filter(([name]) => name !== "sort"));
  if (action === "run") return filter;
  return { ...filter, state: ["cancelled"], ...(at === null ? {} : { finished_from: at }) };
}
