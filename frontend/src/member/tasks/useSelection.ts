import { computed, type ComputedRef, ref, type Ref, shallowRef } from "vue";

import type { TaskRow } from "@/api/member";

/** Some rows of a list, by their ids. */
export interface Selection {
  ids: Ref<ReadonlySet<string>>;
  rows: ComputedRef<TaskRow[]>;
  /** Select a row, or no more; with `through`, all rows from the one before to this one. */
  toggle: (id: string, through?: boolean) => void;
  toggleAll: () => void;
  clear: () => void;
}

/** Return which rows of a list are selected. Rows that have left the list are selected no more. */
export function useSelection(rows: () => readonly TaskRow[], ids: Ref<ReadonlySet<string>> = shallowRef(new Set<string>())): Selection {
  const last = ref<string | null>(null);
  const selected = computed(() => (ids.value.size === 0 ? [] : rows().filter((row) => ids.value.has(row.id))));

  function toggle(id: string, through = false): void {
    const next = new Set(ids.value);
    const is_on = !next.has(id);
    for (const each of through ? between(last.value, id) : [id]) {
      if (is_on) next.add(each);
      else next.delete(each);
    }
    last.value = id;
    ids.value = next;
  }

  function between(one: string | null, other: string): string[] {
    const all = rows().map((row) => row.id);
    const from = one === null ? -1 : all.indexOf(one);
    const to = all.indexOf(other);
    return from < 0 || to < 0 ? [other] : all.slice(Math.min(from, to), Math.max(from, to) + 1);
  }

  function clear(): void {
    ids.value = new Set();
    last.value = null;
  }

  function toggleAll(): void {
    if (ids.value.size > 0) clear();
    else ids.value = new Set(rows().map((row) => row.id));
  }

  return { ids, rows: selected, toggle, toggleAll, clear };
}
