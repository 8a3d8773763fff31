import { computed, type ComputedRef, type Ref, ref, shallowRef, watch } from "vue";

import { type FailureGroup, type FailuresV1, showFailures } from "@/api/admin";
import { showFailuresOptions } from "@/api/admin/@tanstack/vue-query.gen";
import { useNow } from "@/design/clock";
import { type LiveEvent, type Screen, useChange, useScreen } from "@/live";

import { type FailureFilter, questionOf } from "./filter";
import { countFresh, keepPlaces } from "./steady";

const REFETCH_MILLISECONDS = 2_000;

/** The failures that a filter finds, in places that stay. */
export interface Failures extends Screen<FailuresV1> {
  groups: ComputedRef<FailureGroup[] | null>;
  /** New kinds of failure, which `renew` shows. */
  fresh: ComputedRef<number>;
  renew: () => void;
  has_more: ComputedRef<boolean>;
  more: () => Promise<void>;
  loading_more: Ref<boolean>;
}

/** Shows the failures of a filter: the newest groups first, as they were when one came; what fails later is counted in its place. */
export function useFailures(filter: () => FailureFilter): Failures {
  const now = useNow();
  const question = computed(() => questionOf(filter(), now.value));
  const screen = useScreen(() => showFailuresOptions({ query: question.value }), {
    refetch_on: (event) => concerns(event, filter()),
    every_ms: REFETCH_MILLISECONDS,
    keep_previous: true,
  });
  const shown = shallowRef<FailureGroup[] | null>(null);
  const next = ref<string | null>(null);
  const restrictions = computed(() => JSON.stringify({ ...question.value, fingerprint: undefined }));
  let answered = "";

  function renew(): void {
    shown.value = screen.data.value?.groups ?? null;
    next.value = screen.data.value?.next_cursor ?? null;
  }

  watch(
    screen.data,
    (data) => {
      if (data === undefined || data.groups === null) return;
      // The list is made anew when it is another one, and otherwise keeps its places.
      if (shown.value === null || shown.value.length === 0 || answered !== restrictions.value) renew();
      else shown.value = keepPlaces(shown.value, data.groups, data.next_cursor === null);
      if (!screen.fetching.value || shown.value === data.groups) answered = restrictions.value;
    },
    { immediate: true },
  );
  watch(restrictions, () => (shown.value = null));

  const loading = useChange(async () => {
    const { data } = await showFailures({ query: { ...question.value, cursor: next.value ?? "" }, throwOnError: true });
    return data;
  });

  async function more(): Promise<void> {
    const asked = restrictions.value;
    const page = await loading.run();
    if (page?.groups === undefined || page.groups === null || asked !== restrictions.value) return;
    const known = new Set(shown.value?.map((group) => group.fingerprint));
    shown.value = [...(shown.value ?? []), ...page.groups.filter((group) => !known.has(group.fingerprint))];
    next.value = page.next_cursor;
  }

  return {
    ...screen,
    groups: computed(() => shown.value),
    fresh: computed(() => (shown.value === null ? 0 : countFresh(shown.value, screen.data.value?.groups ?? []))),
    renew,
    has_more: computed(() => next.value !== null),
    more,
    loading_more: loading.busy,
  };
}

function concerns(event: LiveEvent, filter: FailureFilter): boolean {
  if (event.event === "queued") return event.fence > 0;
  if (event.event !== "finished" || event.outcome !== "failed") return false;
  return (filter.kind === null || filter.kind === event.kind) && (filter.code === null || filter.code === event.error?.code);
}
