import type { Gauges, KindOperations, LaneGauge, OperationsV1 } from "@/api/admin";
import { addEnd } from "@/design/series";
import type { LiveEvent, TaskLiveEvent } from "@/live";

/** Returns the screen after an event; the same one when the event changes nothing in it. */
export function reduceOperations(screen: OperationsV1, event: LiveEvent): OperationsV1 {
  if (screen.kinds === null) return screen;
  switch (event.event) {
    case "gauges":
      return { ...screen, kinds: screen.kinds.map((kind) => measured(kind, event.hint)), readers: readersAfter(screen, event.hint) };
    case "kind": {
      const { kind, has_workers, paused } = event.hint;
      const kinds = screen.kinds.map((each) => (each.name === kind ? { ...each, has_workers, paused: pausedAfter(each, paused) } : each));
      return { ...screen, kinds };
    }
    case "finished":
      return ended(screen, screen.kinds, event);
    default:
      return screen;
  }
}

/** Returns whether the screen is asked for again: who works, and what is wrong with a kind, the server alone knows. */
export function changesOperations(event: LiveEvent): boolean {
  return event.event === "kind";
}

function measured(kind: KindOperations, gauges: Gauges): KindOperations {
  const lanes = gauges.lanes.filter((lane) => lane.kind === kind.name);
  if (lanes.length === 0) return kind;
  const waiting = { high: 0, normal: 0, low: 0 };
  // A kind with a limit has one queue for all priorities.
  for (const lane of lanes) waiting[priorityOf(lane)] += lane.queued;
  const oldest = lanes.flatMap((lane) => (lane.oldest_seconds === null ? [] : [lane.oldest_seconds]));
  return {
    ...kind,
    waiting,
    oldest_waiting_seconds: oldest.length === 0 ? null : Math.max(...oldest),
    in_flight: sum(lanes.map((lane) => lane.running)),
    redelivered: sum(lanes.map((lane) => lane.redelivered)),
    paused: pausedAfter(
      kind,
      lanes.some((lane) => lane.paused),
    ),
  };
}

function priorityOf(lane: LaneGauge): "high" | "normal" | "low" {
  return lane.priority === "high" || lane.priority === "low" ? lane.priority : "normal";
}

// Who has paused it comes with the next answer.
function pausedAfter(kind: KindOperations, paused: boolean): KindOperations["paused"] {
  return paused ? (kind.paused ?? { by: null, at: null }) : null;
}

function readersAfter(screen: OperationsV1, gauges: Gauges): OperationsV1["readers"] {
  return screen.readers?.map((reader) => (reader.name === "projector" ? { ...reader, waiting: gauges.behind } : reader)) ?? null;
}

function ended(screen: OperationsV1, kinds: KindOperations[], event: Extract<TaskLiveEvent, { event: "finished" }>): OperationsV1 {
  const { outcome } = event;
  if (outcome === "cancelled" || event.restored) return screen;
  const at = Date.parse(event.at);
  return {
    ...screen,
    last_hour: screen.last_hour === null ? null : { ...screen.last_hour, [outcome]: screen.last_hour[outcome] + 1 },
    kinds: kinds.map((kind) =>
      kind.name !== event.kind
        ? kind
        : {
            ...kind,
            throughput: kind.throughput === null ? null : addEnd(kind.throughput, at, outcome),
            failed_last_hour: kind.failed_last_hour === null ? null : kind.failed_last_hour + (outcome === "failed" ? 1 : 0),
          },
    ),
  };
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
