import { watch } from "vue";

import type { DashboardV1 } from "@/api/member";
import { showDashboardOptions } from "@/api/member/@tanstack/vue-query.gen";
import { useNow } from "@/design/clock";
import { type Screen, useScreen } from "@/live";

import { changesAttention, reduceDashboard } from "./reduce";

const ATTENTION_MILLISECONDS = 5_000;
const MINUTE_MILLISECONDS = 60_000;

/** The dashboard, kept right by events. */
export function useDashboard(): Screen<DashboardV1> {
  const screen = useScreen(() => showDashboardOptions(), {
    reduce: reduceDashboard,
    refetch_on: changesAttention,
    every_ms: ATTENTION_MILLISECONDS,
  });
  // What becomes late, or is over after 24 hours, does so without any event.
  const now = useNow();
  watch(
    () => Math.floor(now.value / MINUTE_MILLISECONDS),
    () => {
      screen.refetch();
    },
  );
  return screen;
}
