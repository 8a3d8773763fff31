import { watch } from "vue";

import type { OverviewV1 } from "@/api/admin";
import { showOverviewOptions } from "@/api/admin/@tanstack/vue-query.gen";
import { useNow } from "@/design/clock";
import { type Screen, useScreen } from "@/live";

import { changesOverview, reduceOverview } from "./reduce";

const ATTENTION_MILLISECONDS = 5_000;
// Processes say every five seconds that they are there, and nobody says when one no longer does.
const PROCESSES_MILLISECONDS = 15_000;

/** The overview, kept right by events. */
export function useOverview(): Screen<OverviewV1> {
  const screen = useScreen(() => showOverviewOptions(), {
    reduce: reduceOverview,
    refetch_on: changesOverview,
    every_ms: ATTENTION_MILLISECONDS,
  });
  const now = useNow();
  watch(
    () => Math.floor(now.value / PROCESSES_MILLISECONDS),
    () => {
      screen.refetch();
    },
  );
  return screen;
}
