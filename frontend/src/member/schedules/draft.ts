import type { NewSchedule, ScheduleDefinition } from "@/api/core";

import { CRON_LENGTH_MAX } from "./cron";
import { EVERY_MAX, type Interval, intervalOf, secondsOf } from "./interval";

/** A schedule as the form has it: both ways to say when at once, so that changing one's mind loses nothing. */
export interface Draft {
  kind: string;
  input: unknown;
  name: string;
  by: "cron" | "every";
  cron: string;
  time_zone: string;
  every: Interval;
  start_at: string | null;
  end_at: string | null;
  missed: NewSchedule["missed"];
  priority: NewSchedule["priority"];
  paused: boolean;
  /** What the form does not show, and sends back as it was. */
  rest: Pick<NewSchedule, "expires_in" | "max_attempts" | "labels">;
}

const WORKING_DAYS_AT_NINE = "0 0 9 * * 1-5";
const HOURLY: Interval = { amount: 1, unit: "hours" };

/** Return the draft of a schedule that is not there yet. */
export function newDraft(kind: string, input: unknown, time_zone: string): Draft {
  return {
    kind,
    input,
    name: "",
    by: "cron",
    cron: WORKING_DAYS_AT_NINE,
    time_zone,
    every: HOURLY,
    start_at: null,
    end_at: null,
    missed: "skip",
    priority: "normal",
    paused: false,
    rest: {},
  };
}

/** Return the draft of a schedule as it was saved. */
export function draftOf(definition: ScheduleDefinition): Draft {
  const { kind, input, name, cron, time_zone, every, start_at, end_at, missed, priority, paused } = definition;
  const { expires_in, max_attempts, labels } = definition;
  return {
    kind,
    input,
    name: name ?? "",
    by: cron === null ? "every" : "cron",
    cron: cron ?? WORKING_DAYS_AT_NINE,
    time_zone,
    every: every === null ? HOURLY : intervalOf(every),
    start_at,
    end_at,
    missed,
    priority,
    paused,
    rest: { expires_in, max_attempts, labels },
  };
}

/** Return what to send for a draft. */
export function definitionOf(draft: Draft): NewSchedule {
  const { kind, input, name, by, cron, time_zone, every, start_at, end_at, missed, priority, paused, rest } = draft;
  const when = by === "cron" ? { cron: cron.trim(), every: null, time_zone } : { cron: null, every: secondsOf(every) };
  const named = name.trim() === "" ? null : name.trim();
  return { ...rest, kind, input: input as NewSchedule["input"], name: named, ...when, start_at, end_at, missed, priority, paused };
}

export type Fault = "cron_fields" | "cron_long" | "every_range" | "kind_missing" | "ends_before_start";

/** Return what is wrong with a draft before it is sent, by the field that is to be changed. The input is checked by its schema. */
export function faultsOf(draft: Draft): Map<keyof Draft, Fault> {
  const faults = new Map<keyof Draft, Fault>();
  if (draft.kind === "") faults.set("kind", "kind_missing");
  const seconds = secondsOf(draft.every);
  if (draft.by === "cron" && draft.cron.length > CRON_LENGTH_MAX) faults.set("cron", "cron_long");
  else if (draft.by === "cron" && draft.cron.trim().split(/\s+/).length !== 6) faults.set("cron", "cron_fields");
  if (draft.by === "every" && !(seconds >= 1 && seconds <= EVERY_MAX)) faults.set("every", "every_range");
  if (draft.start_at !== null && draft.end_at !== null && Date.parse(draft.end_at) <= Date.parse(draft.start_at)) {
    faults.set("end_at", "ends_before_start");
  }
  return faults;
}
