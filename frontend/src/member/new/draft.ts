import { shallowRef, watch, type ShallowRef } from "vue";

import type { SelectedKind } from "./useNewTask";
import { initialValue } from "@/schema/initial";

import type { Options } from "./submission";

/** How often the task of a form is to be run. */
export type Mode = "one" | "many" | "often";

/** What somebody has filled in for a kind. */
export interface Draft {
  mode: ShallowRef<Mode>;
  input: ShallowRef<unknown>;
  options: ShallowRef<Options>;
  batch: ShallowRef<Record<string, unknown>>;
  lines: ShallowRef<string>;
  /** The file whose text the lines are; null where they were written here. */
  file: ShallowRef<{ name: string; size: number } | null>;
  forget: () => void;
}

interface Kept {
  mode: Mode;
  input: unknown;
  options: Options;
  batch: Record<string, unknown>;
  lines: string;
  file: { name: string; size: number } | null;
}

// Whoever looks at something else for a moment finds the form as it was. A reload begins anew.
const kept = new Map<string, Kept>();
const KEPT_MAX = 20;

/** Return the draft of a kind: what was filled in before, or what the form starts with. */
export function useDraft(selected: SelectedKind, from: string | null): Draft {
  const name = `${selected.name} ${from ?? ""}`;
  const start = kept.get(name) ?? begin(selected);
  const draft = {
    mode: shallowRef(start.mode),
    input: shallowRef(start.input),
    options: shallowRef(start.options),
    batch: shallowRef(start.batch),
    lines: shallowRef(start.lines),
    file: shallowRef(start.file),
  };
  const stop = watch(
    Object.values(draft),
    () => {
      if (!kept.has(name) && kept.size >= KEPT_MAX) kept.delete([...kept.keys()][0] ?? "");
      const { mode, input, options, batch, lines, file } = draft;
      kept.set(name, {
        mode: mode.value,
        input: input.value,
        options: options.value,
        batch: batch.value,
        lines: lines.value,
        file: file.value,
      });
    },
    { flush: "sync" },
  );
  return {
    ...draft,
    forget() {
      stop();
      kept.delete(name);
    },
  };
}

function begin({ input_schema, prefill, labels }: SelectedKind): Kept {
  return {
    mode: "one",
    input: prefill ?? initialValue(input_schema) ?? {},
    options: { when: { is: "now" }, labels },
    batch: { labels },
    lines: "",
    file: null,
  };
}
