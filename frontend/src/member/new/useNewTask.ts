import { computed, type ComputedRef } from "vue";
import { useRoute } from "vue-router";

import type { NewTaskV1 } from "@/api/member";
import { showNewTaskOptions } from "@/api/member/@tanstack/vue-query.gen";
import { useScreen, type LiveEvent, type Screen } from "@/live";

export type NewTaskKind = NonNullable<NewTaskV1["kinds"]>[number];
export type SelectedKind = NonNullable<NewTaskV1["selected"]>;

/** The screen for new tasks, of the kind and the task that the address names. */
export interface NewTask {
  screen: Screen<NewTaskV1>;
  kind: ComputedRef<string | null>;
  from: ComputedRef<string | null>;
  /** The chosen kind as the list has it; null without one. */
  chosen: ComputedRef<NewTaskKind | null>;
}

export function useNewTask(): NewTask {
  const route = useRoute();
  const text = (name: string): string | null => (typeof route.query[name] === "string" ? route.query[name] : null);
  const kind = computed(() => text("kind"));
  const from = computed(() => text("from"));
  const screen = useScreen(
    () => showNewTaskOptions({ query: { ...(kind.value ? { kind: kind.value } : {}), ...(from.value ? { from: from.value } : {}) } }),
    { reduce: reduceNewTask, refetch_on: isUnknownKind, keep_previous: true },
  );
  const chosen = computed(() => {
    const { selected, kinds } = screen.data.value ?? {};
    return kinds?.find((each) => each.name === selected?.name) ?? null;
  });
  return { screen, kind, from, chosen };
}

/** Return the screen after an event: how many wait, and whether anybody runs them. */
export function reduceNewTask<Data extends NewTaskV1>(screen: Data, event: LiveEvent): Data {
  if (screen.kinds === null) return screen;
  if (event.event === "counts") {
    const { kinds } = event.hint;
    const waitingOf = (name: string): number => (Object.hasOwn(kinds, name) ? (kinds[name]?.queued ?? 0) : 0);
    return { ...screen, kinds: screen.kinds.map((kind) => ({ ...kind, waiting: waitingOf(kind.name) })) };
  }
  if (event.event === "kind") {
    const { kind: name, has_workers, paused } = event.hint;
    return { ...screen, kinds: screen.kinds.map((kind) => (kind.name === name ? { ...kind, has_workers, paused } : kind)) };
  }
  return screen;
}

function isUnknownKind(event: LiveEvent, screen: NewTaskV1): boolean {
  return event.event === "kind" && screen.kinds?.every((kind) => kind.name !== event.hint.kind) === true;
}
