import type { RouteLocationRaw } from "vue-router";

import type { Attention, FilterView } from "@/api/member";
import type { Mount } from "@/live";

import { anyTask, formatFilter } from "@/member/tasks/filter/filter";

/** Whose tasks a screen is about, and so where its links lead. */
export type Area = Mount;

/** What can be done about an entry, besides looking at its tasks. */
export interface Mend {
  /** A command of a terminal. */
  command: string | null;
  /** A page where it is mended. */
  page: { path: string; label: "schedules" | "settings" | "operations" } | null;
  /** Run the failed tasks again. */
  run_again: FilterView | null;
  /** Resume the kind. */
  resume: string | null;
}

const NOTHING: Mend = { command: null, page: null, run_again: null, resume: null };
// As many are counted of tasks that are late or expire: of one account, and of all.
const COUNTED_MAX: Record<Area, number> = { member: 1000, admin: 250 };

/** Returns what mends an entry. Only administrators can resume kinds and change settings. */
export function mendOf(entry: Attention, area: Area, is_admin: boolean): Mend {
  const worker = `headrace worker${entry.kind === null ? "" : ` ${entry.kind}`}`;
  switch (entry.what) {
    case "failures":
      return { ...NOTHING, run_again: entry.query };
    case "no_workers":
      return { ...NOTHING, command: worker };
    case "paused":
      return { ...NOTHING, resume: is_admin ? entry.kind : null };
    case "late":
      return { ...NOTHING, command: worker, page: is_admin ? { path: "/admin/operations", label: "operations" } : null };
    case "expiring":
      return { ...NOTHING, command: worker };
    case "schedule_stuck":
      return { ...NOTHING, page: area === "member" ? { path: "/schedules", label: "schedules" } : null };
    case "log_filling":
      return { ...NOTHING, page: { path: "/admin/settings", label: "settings" } };
    case "behind":
      return { ...NOTHING, command: "headrace projector" };
  }
}

/** Returns the list that shows exactly the tasks of an entry; null for one that is about no tasks that a filter can name. */
export function listOf(entry: Attention, area: Area): RouteLocationRaw | null {
  if (entry.query === null) return null;
  return { path: area === "admin" ? "/admin/tasks" : "/tasks", query: formatFilter({ ...anyTask(), ...entry.query }) };
}

/** Returns whether there may be more than the entry says, because no more are counted. */
export function isAtLeast(entry: Attention, area: Area): boolean {
  return (entry.what === "late" || entry.what === "expiring") && entry.count >= COUNTED_MAX[area];
}

/** Returns a key that stays with what an entry is about while its numbers change. */
export function keyOf(entry: Attention): string {
  return [entry.what, entry.kind ?? "", entry.group?.fingerprint ?? ""].join(" ");
}
