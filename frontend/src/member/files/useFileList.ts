import { computed, type ComputedRef, type Ref, watch } from "vue";

import type { ApiError } from "@/api/errors";
import { type FilesV1, showFiles } from "@/api/member";
import { showFilesOptions } from "@/api/member/@tanstack/vue-query.gen";
import { changes } from "@/files/uploads";
import { type LiveEvent, type Screen, useScreen } from "@/live";

import { useMorePages } from "../tasks/useMorePages";

const PAGE_ROWS = 50;

/** The list of files, as long as somebody has asked for. */
export interface FilePages {
  screen: Screen<FilesV1>;
  more: () => Promise<void>;
  more_error: Ref<ApiError | null>;
  has_more: ComputedRef<boolean>;
}

/** Show the files with a text in their name, newest first. What this page sends, and what tasks store, comes in by itself. */
export function useFileList(text: () => string | null): FilePages {
  const query = (): { q?: string; limit: number } => ({ ...(text() === null ? {} : { q: text() ?? "" }), limit: PAGE_ROWS });
  const screen = useScreen(() => showFilesOptions({ query: query() }), { refetch_on: isAboutFiles, keep_previous: true });
  const { more, more_error } = useMorePages(
    screen,
    "member",
    () => screen.data.value?.next_cursor ?? null,
    async (cursor) => (await showFiles({ query: { ...query(), cursor }, throwOnError: true })).data,
    (before, page) => ({ ...before, items: [...(before.items ?? []), ...(page.items ?? [])], next_cursor: page.next_cursor }),
    (page) => page,
  );
  watch(changes, () => {
    screen.refetch();
  });
  return { screen, more, more_error, has_more: computed(() => (screen.data.value?.next_cursor ?? null) !== null) };
}

function isAboutFiles(event: LiveEvent): boolean {
  return event.event === "stored" || event.event === "deleted";
}
