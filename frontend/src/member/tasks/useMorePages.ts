import { type Ref, shallowRef } from "vue";

import { ApiError } from "@/api/errors";
import type { LiveEvent, Mount, Screen, ScreenData } from "@/live";
import { feedOf } from "@/live/feed";
import { bringUpToDate, hasGap, noteAnswer } from "@/live/upToDate";

/**
 * Load further pages of a list that is shown.
 *
 * A page is brought up to date by the events since its answer before it is appended: the list that it comes to has them already.
 *
 * @param cursor - The cursor of the next page; null when there is none.
 * @param load - Asks for the page of a cursor.
 * @param append - Returns the screen with the page.
 */
export function useMorePages<Data extends ScreenData>(
  screen: Screen<Data>,
  mount: Mount,
  cursor: () => string | null,
  load: (cursor: string) => Promise<Data>,
  append: (before: Data, page: Data) => Data,
  reduce: (page: Data, event: LiveEvent) => Data,
): { more: () => Promise<void>; more_error: Ref<ApiError | null> } {
  const more_error = shallowRef<ApiError | null>(null);
  const { ring } = feedOf(mount);
  let loading: string | null = null;

  async function more(): Promise<void> {
    const next = cursor();
    if (next === null || next === loading) return;
    loading = next;
    more_error.value = null;
    try {
      const asked_at = performance.now();
      const page = await load(next);
      // Another filter, or a new answer, has another next page.
      if (cursor() !== next) return;
      noteAnswer(page, ring, asked_at);
      const has_gap = hasGap(page, ring);
      const current = bringUpToDate(page, ring, reduce);
      screen.patch((before) => append(before, current));
      if (has_gap) screen.refetch();
    } catch (cause) {
      more_error.value = ApiError.from(cause, undefined);
    } finally {
      if (loading === next) loading = null;
    }
  }

  return { more, more_error };
}
