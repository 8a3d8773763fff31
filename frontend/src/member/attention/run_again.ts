import { type BulkResult, type Filter, runTasksAgain } from "@/api/core";
import type { FilterView } from "@/api/member";

// One request runs as many again as two or three seconds allow, so that the number moves.
const TASKS_PER_REQUEST = 250;

/** Returns how many tasks a filter selects to be run again, and when that was. */
export async function countRunAgain(select: FilterView): Promise<BulkResult> {
  const { data } = await runTasksAgain({ body: { select: select as Filter, dry_run: true }, throwOnError: true });
  return data;
}

/**
 * Runs again all tasks that a filter selects and that had ended at `counted_at`, page by page. `told` is called after each page.
 *
 * Returns the position of the last change.
 */
export async function runAllAgain(
  select: FilterView,
  counted_at: string | null,
  told: (done: number) => void,
): Promise<string | undefined> {
  let done = 0;
  let position: string | undefined;
  for (;;) {
    const { data } = await runTasksAgain({
      body: { select: { ...(select as Filter), finished_before: counted_at ?? select.finished_before }, limit: TASKS_PER_REQUEST },
      ...(position === undefined ? {} : { query: { at_least: position } }),
      throwOnError: true,
    });
    done += data.done;
    position = data.position;
    told(done);
    if (data.remaining === 0 || data.done === 0) return position;
  }
}
