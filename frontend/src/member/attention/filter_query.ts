import type { LocationQueryRaw } from "vue-router";

import type { FilterView } from "@/api/member";

/**
 * Returns the query of a list that shows exactly the tasks of a filter.
 *
 * Fields that restrict nothing are left out, and what may have several values is repeated, as lists of tasks read it.
 */
export function queryOfFilter(filter: FilterView): LocationQueryRaw {
  const query: LocationQueryRaw = {};
  for (const [name, value] of Object.entries(filter)) {
    if (name === "labels") {
      const labels = Object.entries(filter.labels).map(([key, of]) => `${key}=${of}`);
      if (labels.length > 0) query["label"] = labels;
    } else if (Array.isArray(value)) {
      if (value.length > 0) query[name] = value.map(String);
    } else if (value !== null) {
      query[name] = String(value);
    }
  }
  return query;
}
