import type { OverviewV1 } from "@/api/admin";
import { addEnd } from "@/design/series";
import { type LiveEvent, reduceCounts } from "@/live";

/** Returns the overview after an event; the same one when the event changes nothing in it. */
export function reduceOverview(screen: OverviewV1, event: LiveEvent): OverviewV1 {
  switch (event.event) {
    case "counts":
      return screen.counts === null ? screen : { ...screen, counts: reduceCounts(screen.counts, event) };
    case "gauges": {
      if (screen.health === null) return screen;
      const { log_bytes: bytes, log_bytes_max: bytes_max, replicas_wanted: wanted, replicas_current: current, behind } = event.hint;
      const { log, read_model } = screen.health;
      // The gauges do not say since when the lists are behind. Nothing waits when they are not.
      const behind_seconds = behind === 0 ? 0 : read_model.behind_seconds;
      return {
        ...screen,
        health: {
          ...screen.health,
          log: { ...log, bytes, bytes_max, replicas: { wanted, current } },
          read_model: { behind, behind_seconds },
        },
      };
    }
    case "finished":
      if (screen.throughput === null || event.outcome === "cancelled" || event.restored) return screen;
      return { ...screen, throughput: addEnd(screen.throughput, Date.parse(event.at), event.outcome) };
    default:
      return screen;
  }
}

/** Returns whether the overview is asked for again: what needs attention, and how many accounts wait, no event says by itself. */
export function changesOverview(event: LiveEvent): boolean {
  return event.event === "users" || event.event === "kind" || (event.event === "finished" && event.outcome === "failed");
}
