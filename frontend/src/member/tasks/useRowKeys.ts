import type { TaskRow } from "@/api/member";
import { useMessages } from "@/i18n";
import { useKeys } from "@/shell/keys";

import type { BulkAction } from "./bulk/change";
import messages from "./messages";
import type { Selection } from "./useSelection";

// A row that was out of sight is drawn in one of the next frames.
const FRAMES = 10;

/** Let the keys move from row to row, and act on rows. The link of the row that one is at has the focus. */
export function useRowKeys(page: {
  rows: () => TaskRow[];
  selection: Selection;
  list: () => HTMLElement | null;
  scrollTo: (index: number) => void;
  search?: () => void;
  act: (action: BulkAction, row?: TaskRow) => void;
}): void {
  const { t } = useMessages(messages);
  let current: string | null = null;

  function focusedRow(): TaskRow | undefined {
    const focused = document.activeElement?.closest<HTMLElement>("[data-task]")?.dataset["task"];
    current = focused ?? current;
    return page.rows().find((row) => row.id === current);
  }

  function move(by: number): void {
    const rows = page.rows();
    const row = focusedRow();
    const at = row === undefined ? (by > 0 ? -1 : rows.length) : rows.indexOf(row);
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + by))];
    if (next === undefined) return;
    current = next.id;
    focus(next.id, rows.indexOf(next), FRAMES);
  }

  function focus(id: string, index: number, frames: number): void {
    const link = page.list()?.querySelector<HTMLElement>(`[data-task="${CSS.escape(id)}"] [data-open]`);
    if (link !== null && link !== undefined) {
      link.focus({ preventScroll: true });
      link.closest("tr")?.scrollIntoView({ block: "nearest" });
      return;
    }
    if (frames === FRAMES) page.scrollTo(index);
    if (frames > 0) requestAnimationFrame(() => focus(id, index, frames - 1));
  }

  function open(): void {
    const row = focusedRow();
    if (row !== undefined)
      page
        .list()
        ?.querySelector<HTMLElement>(`[data-task="${CSS.escape(row.id)}"] [data-open]`)
        ?.click();
  }

  useKeys({ j: () => move(1), k: () => move(-1), Enter: open }, { label: () => t("keys.rows") });
  useKeys(
    {
      x: (event) => {
        const row = focusedRow();
        if (row !== undefined) page.selection.toggle(row.id, event.shiftKey);
      },
    },
    { label: () => t("keys.select") },
  );
  useKeys({ c: () => page.act("cancel", focusedRow()), r: () => page.act("run", focusedRow()) }, { label: () => t("keys.change") });
  if (page.search !== undefined) useKeys({ "/": page.search }, { label: () => t("keys.search") });
}
