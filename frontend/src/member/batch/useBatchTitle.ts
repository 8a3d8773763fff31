import type { BatchRow } from "@/api/member";
import { usePageTitle } from "@/shell/page";

import { doneOf } from "./rate";

/** Let the title and the icon of the tab tell how far a batch is: `(412/500) Class 9b`. */
export function useBatchTitle(batch: () => BatchRow | null | undefined, name: () => string): void {
  usePageTitle(() => {
    const row = batch();
    if (!row) return name();
    if (row.state === "settled")
      return { title: name(), state: row.counts.failed > 0 ? "failed" : row.counts.succeeded > 0 ? "succeeded" : "cancelled" };
    return { title: name(), state: "running", progress: { done: doneOf(row), total: row.total } };
  });
}
