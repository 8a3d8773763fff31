import type { LocationQuery, LocationQueryRaw } from "vue-router";

import type { BatchesV1, BatchRow, BatchState, ShowBatchesData } from "@/api/member";
import { batchRow, type LiveEvent, reduceBatches } from "@/live";

// Batches that come while nobody looks at the top are kept as rows up to here.
const ARRIVED_MAX = 200;

/** Which batches a list shows, as its address says. */
export interface BatchFilter {
  state: BatchState | null;
  kind: string | null;
  owner: string | null;
}

/** The pages of the list that were loaded, and what has come since. */
export interface BatchList extends BatchesV1 {
  arrived: BatchRow[];
  /** How many of these are shown, the oldest of them. */
  revealed: number;
  asked: BatchFilter;
}

/** Read the filter that an address names. */
export function parseBatchFilter(query: LocationQuery): BatchFilter {
  const one = (name: string): string | null => {
    const value = query[name];
    return (Array.isArray(value) ? value[0] : value) || null;
  };
  const state = one("state");
  return { state: state === "open" || state === "settled" ? state : null, kind: one("kind"), owner: one("owner") };
}

/** Write a filter as the query of an address, or of a request. */
export function formatBatchFilter(filter: BatchFilter): LocationQueryRaw & NonNullable<ShowBatchesData["query"]> {
  return {
    ...(filter.state === null ? {} : { state: filter.state }),
    ...(filter.kind === null ? {} : { kind: filter.kind }),
    ...(filter.owner === null ? {} : { owner: filter.owner }),
  };
}

/** Whether a filter selects a batch. */
export function selectsBatch(filter: BatchFilter, row: BatchRow): boolean {
  if (filter.state !== null && row.state !== filter.state) return false;
  if (filter.owner !== null && filter.owner !== "*" && row.owner !== null && row.owner.id !== filter.owner) return false;
  return filter.kind === null || row.kind === filter.kind;
}

/** Return the list after an event; the same list when the event changes nothing in it. */
export function reduceBatchList(list: BatchList, event: LiveEvent): BatchList {
  if (event.event !== "counted" && event.event !== "settled") return list;
  const before = list.items ?? [];
  const items = reduceBatches(before, event);
  if (items !== before) return { ...list, items };
  const arrived = reduceBatches(list.arrived, event);
  if (arrived !== list.arrived) return { ...list, arrived };
  return arrive(list, batchRow(event.hint, ownerOf(list, event.hint.owner)));
}

/** Take in a batch that is newer than all others. One that is older is on a page that was not loaded. */
function arrive(list: BatchList, row: BatchRow): BatchList {
  const rows = [...list.arrived, ...(list.items ?? [])];
  const newest = rows[0];
  if (rows.some((each) => each.id === row.id) || list.arrived.length >= ARRIVED_MAX || !selectsBatch(list.asked, row)) return list;
  if (newest !== undefined && row.created_at < newest.created_at) return list;
  return { ...list, arrived: [row, ...list.arrived] };
}

function ownerOf(list: BatchList, id: string): BatchRow["owner"] {
  const known = (list.items ?? []).find((row) => row.owner?.id === id);
  if (known !== undefined) return known.owner;
  // Only lists for administrators have owners.
  return (list.items ?? []).some((row) => row.owner !== null) ? { id, name: null } : null;
}
