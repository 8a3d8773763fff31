import type { FailureGroup } from "@/api/admin";

/**
 * Returns the groups that are shown, in their places, with what is new of each, so that nothing moves under the mouse.
 *
 * `now` has the newest groups, and all of them where `is_all`. A group of which no task is failed any more stays with the count 0
 * until the list is made anew.
 */
export function keepPlaces(shown: FailureGroup[], now: FailureGroup[], is_all: boolean): FailureGroup[] {
  const found = new Map(now.map((group) => [group.fingerprint, group]));
  return shown.map((group) => found.get(group.fingerprint) ?? (is_all ? { ...group, count: 0 } : group));
}

/** Returns how many kinds of failure are new. */
export function countFresh(shown: FailureGroup[], now: FailureGroup[]): number {
  const known = new Set(shown.map((group) => group.fingerprint));
  return now.filter((group) => !known.has(group.fingerprint)).length;
}
