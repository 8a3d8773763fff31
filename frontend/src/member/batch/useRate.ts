import { computed, type ComputedRef, shallowRef, watch } from "vue";

import type { BatchDetailV1 } from "@/api/member";
import { serverNow, useNow } from "@/design/clock";

import { addSample, doneOf, type Rate, rateOf, type Sample } from "./rate";

/** Return how fast a batch goes, as the page has seen it; before that, as the server says. Null when it is over. */
export function useRate(data: () => BatchDetailV1 | undefined): ComputedRef<Rate | null> {
  const samples = shallowRef<Sample[]>([]);
  const now = useNow();
  watch(
    () => {
      const batch = data()?.batch;
      return batch === null || batch === undefined ? null : doneOf(batch);
    },
    (done) => {
      if (done !== null) samples.value = addSample(samples.value, { at: serverNow(), done });
    },
    { immediate: true },
  );
  return computed(() => {
    const screen = data();
    if (!screen?.batch || screen.batch.state === "settled") return null;
    return rateOf(samples.value, screen.batch.total, now.value) ?? screen.rate;
  });
}
