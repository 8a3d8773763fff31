import { computed, type ComputedRef, onScopeDispose, type Ref, ref, shallowRef } from "vue";

import { type File as StoredFile, listFiles } from "@/api/core";
import { ApiError } from "@/api/errors";

import { isAccepted } from "./media_type";

const PAUSE_MILLISECONDS = 250;
const PAGE = 50;

/** The files of whoever looks that can be used, by a part of their name. */
export interface FileSearch {
  text: Ref<string>;
  /** Those of a type that is accepted, newest first; null until the first answer. */
  found: ComputedRef<StoredFile[] | null>;
  has_more: ComputedRef<boolean>;
  error: Ref<ApiError | null>;
  /** Ask after a pause, while somebody writes. */
  searchSoon: () => void;
  /** Ask now. */
  search: () => Promise<void>;
  more: () => Promise<void>;
  /** Forget the text and what was found. */
  reset: () => void;
}

/** Search the files that have a type which is accepted. */
export function useFileSearch(accepted: () => readonly string[]): FileSearch {
  const text = ref("");
  const loaded = shallowRef<StoredFile[] | null>(null);
  const cursor = shallowRef<string | null>(null);
  const error = shallowRef<ApiError | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked = 0;

  async function load(after: string | null): Promise<void> {
    clearTimeout(timer);
    asked += 1;
    const mine = asked;
    error.value = null;
    const q = text.value.trim();
    try {
      const query = { state: "ready" as const, limit: PAGE, ...(q === "" ? {} : { q }), ...(after === null ? {} : { cursor: after }) };
      const { data } = await listFiles({ query, throwOnError: true });
      // Somebody has written on meanwhile.
      if (mine !== asked) return;
      loaded.value = [...(after === null ? [] : (loaded.value ?? [])), ...data.items];
      cursor.value = data.next_cursor;
    } catch (cause) {
      if (mine === asked) error.value = ApiError.from(cause, undefined);
    }
  }

  function searchSoon(): void {
    clearTimeout(timer);
    timer = setTimeout(() => void load(null), PAUSE_MILLISECONDS);
  }
  function reset(): void {
    clearTimeout(timer);
    asked += 1;
    text.value = "";
    loaded.value = null;
    cursor.value = null;
    error.value = null;
  }
  onScopeDispose(reset);

  return {
    text,
    found: computed(() => loaded.value?.filter((each) => isAccepted(each.media_type, accepted())) ?? null),
    has_more: computed(() => cursor.value !== null),
    error,
    searchSoon,
    search: () => load(null),
    more: () => load(cursor.value),
    reset,
  };
}
