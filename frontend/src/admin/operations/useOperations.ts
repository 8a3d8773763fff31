import { type Ref, shallowRef, watch } from "vue";

import type { OperationsV1 } from "@/api/admin";
import { showOperationsOptions } from "@/api/admin/@tanstack/vue-query.gen";
import { serverNow, useNow } from "@/design/clock";
import { type Screen, useScreen } from "@/live";

import { addMoment, type Moment, momentOf } from "./history";
import { changesOperations, reduceOperations } from "./reduce";

// How busy each worker is, and what is wrong with a kind, no event says.
const WORKERS_MILLISECONDS = 10_000;

/** The screen of operations, kept right by gauges, and what they have said since the page was opened. */
export function useOperations(): Screen<OperationsV1> & { moments: Readonly<Ref<readonly Moment[]>> } {
  const screen = useScreen(() => showOperationsOptions(), { reduce: reduceOperations, refetch_on: changesOperations });
  const moments = shallowRef<readonly Moment[]>([]);
  watch(
    () => screen.data.value?.kinds,
    (kinds) => {
      if (kinds) moments.value = addMoment(moments.value, momentOf(kinds, serverNow()));
    },
    { immediate: true },
  );
  const now = useNow();
  watch(
    () => Math.floor(now.value / WORKERS_MILLISECONDS),
    () => {
      screen.refetch();
    },
  );
  return { ...screen, moments };
}
