import { computed, type ComputedRef, type Ref } from "vue";

import type { NewTaskV1 } from "@/api/member";

import { fileField, type Lines, readLines, withFiles } from "./lines";

// More than that at once makes the page stand still; the command line sends lines as they come.
const BYTES_MAX = 16_000_000;

/** The lines of a batch as its inputs, and what they are measured by. */
export interface ReadLines {
  read: ComputedRef<Lines>;
  /** There are some, nothing is wrong with them, and one batch takes so many. */
  is_ready: ComputedRef<boolean>;
  bytes_max: ComputedRef<number>;
  /** The field of the kind that takes a file. */
  of_files: ComputedRef<ReturnType<typeof fileField>>;
  /** Add a line for each file. */
  addFiles: (ids: readonly string[]) => void;
}

/** Read the lines of a batch while they are written. `base` is what the form says of every input. */
export function useLines(
  lines: Ref<string>,
  schema: () => Record<string, unknown>,
  base: () => unknown,
  limits: () => NewTaskV1["limits"],
): ReadLines {
  const read = computed(() => readLines(lines.value, schema(), base()));
  const of_files = computed(() => fileField(schema()));
  const inputs_max = (): number => limits()?.batch_inputs ?? Infinity;
  return {
    read,
    is_ready: computed(() => read.value.count > 0 && read.value.wrong_count === 0 && read.value.count <= inputs_max()),
    bytes_max: computed(() => Math.min(BYTES_MAX, limits()?.batch_bytes ?? BYTES_MAX)),
    of_files,
    addFiles(ids) {
      if (of_files.value !== null) lines.value = withFiles(lines.value, schema(), base(), of_files.value.name, ids);
    },
  };
}
