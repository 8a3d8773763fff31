import type { LocationQuery } from "vue-router";

import type { Role, ShowUsersData, UserState } from "@/api/admin";

export const ROLES: readonly Role[] = ["admin", "member", "service"];
export const STATES: readonly UserState[] = ["pending", "active", "rejected", "disabled"];
const SEARCH_LENGTH_MAX = 100;

/** What the list of accounts is restricted to. */
export interface UserFilter {
  q: string;
  role: Role | null;
  state: UserState | null;
}

/** Read the filter from the address of the page. What it does not know restricts nothing. */
export function readFilter(query: LocationQuery): UserFilter {
  const { q, role, state } = query;
  return {
    q: typeof q === "string" ? q.replaceAll("\0", "").slice(0, SEARCH_LENGTH_MAX) : "",
    role: ROLES.find((each) => each === role) ?? null,
    state: STATES.find((each) => each === state) ?? null,
  };
}

/** Write the filter as the query of the address of the page, and of the request. */
export function writeFilter({ q, role, state }: UserFilter): NonNullable<ShowUsersData["query"]> {
  return { ...(q.trim() === "" ? {} : { q: q.trim() }), ...(role === null ? {} : { role }), ...(state === null ? {} : { state }) };
}
