import { type ComputedRef, computed, ref, watch } from "vue";

/** A list that is shown in parts, each of which asks for its own page. */
export interface Parts {
  /** The cursor of each part that is shown, the first of which has none. */
  cursors: ComputedRef<(string | undefined)[]>;
  /** Whether there is another part to show. */
  has_more: ComputedRef<boolean>;
  /** Show the next part. */
  more: () => void;
  /** Take from the answer of a part where the next one begins. */
  note: (part: number, next_cursor: string | null) => void;
}

/**
 * Show a list part by part. When a part is asked for again and ends elsewhere, the next part begins there, so that no row is missing
 * between them and none is shown twice.
 *
 * @param list - Says which list it is. Another one begins with its first part alone.
 */
export function useParts(list: () => string = () => ""): Parts {
  const shown = ref(1);
  const ends = ref<(string | null)[]>([]);
  watch(list, () => {
    shown.value = 1;
    ends.value = [];
  });
  const cursors = computed(() => {
    const found: (string | undefined)[] = [undefined];
    for (const end of ends.value.slice(0, shown.value - 1)) {
      if (end === null) break;
      found.push(end);
    }
    return found;
  });
  return {
    cursors,
    has_more: computed(() => typeof ends.value[cursors.value.length - 1] === "string"),
    more: () => (shown.value = cursors.value.length + 1),
    note(part, next_cursor) {
      if (ends.value[part] !== next_cursor) ends.value = [...ends.value.slice(0, part), next_cursor, ...ends.value.slice(part + 1)];
    },
  };
}
