import { computed, type ComputedRef, type Ref, ref, shallowRef } from "vue";

import type { TaskRow } from "@/api/member";
import { useMessages } from "@/i18n";
import type { Position } from "@/live";
import { usePageActions } from "@/shell/actions";

import type { BulkAction } from "./bulk/change";
import type { BulkTarget } from "./bulk/target";
import { selectOf, type TaskFilter } from "./filter/filter";
import messages from "./messages";
import type { Scope } from "./scope";
import type { Selection } from "./useSelection";

/** Which bulk action somebody has chosen, and about what. */
export interface BulkChoice {
  open: Ref<boolean>;
  action: Ref<BulkAction>;
  target: Ref<BulkTarget | null>;
  /** Whether there are tasks that the filter selects. */
  has_all: ComputedRef<boolean>;
  /** Ask about the rows that are selected, or about the one that is given where none is. */
  actOn: (action: BulkAction, row?: TaskRow) => void;
  /** Ask about all tasks of the filter. */
  actOnAll: (action: BulkAction) => void;
  done: (position: Position | null) => void;
}

/** Let somebody choose a bulk action on the rows that are selected; with `list`, also on all tasks that its filter selects. */
export function useBulkChoice(
  scope: Scope,
  list: { filter: () => TaskFilter; matched: () => number } | null,
  selection: Selection,
  screen: { refetch: (at_least?: Position) => void },
): BulkChoice {
  const { t } = useMessages(messages);
  const open = ref(false);
  const action = ref<BulkAction>("cancel");
  const target = shallowRef<BulkTarget | null>(null);

  function ask(chosen: BulkAction, about: BulkTarget): void {
    action.value = chosen;
    target.value = about;
    open.value = true;
  }

  function actOn(chosen: BulkAction, row?: TaskRow): void {
    const rows = selection.rows.value.length > 0 ? selection.rows.value : row === undefined ? [] : [row];
    if (rows.length > 0) ask(chosen, { rows });
  }

  function actOnAll(chosen: BulkAction): void {
    if (list === null) return;
    const filter = list.filter();
    // A list for administrators is of all accounts, and a bulk action of one's own, unless they say something else.
    ask(chosen, { select: selectOf({ ...filter, owner: filter.owner ?? (scope.mount === "admin" ? "*" : null) }) });
  }

  const has_all = computed(() => (list?.matched() ?? 0) > 0);
  usePageActions(() =>
    has_all.value
      ? [
          { label: t("cancel_all"), run: () => actOnAll("cancel") },
          { label: t("run_all"), run: () => actOnAll("run") },
        ]
      : [],
  );

  return {
    open,
    action,
    target,
    has_all,
    actOn,
    actOnAll,
    done(position) {
      selection.clear();
      screen.refetch(position ?? undefined);
    },
  };
}
