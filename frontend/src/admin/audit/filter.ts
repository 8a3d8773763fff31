import type { LocationQuery } from "vue-router";

import type { Action, ShowAuditData } from "@/api/admin";

/** What the page of the audit is restricted to. Every field is a text of the address of the page; an empty one restricts nothing. */
export interface AuditFilter {
  actor: string;
  action: string;
  target: string;
  since: string;
  before: string;
}

export const FIELDS = ["actor", "action", "target", "since", "before"] as const;
// What the API takes for an actor and a target. Another text in the address of the page finds nothing and is left out.
const PRINTABLE = /^[!-~]{1,200}$/;

/** Read the filter from the address of the page. */
export function readFilter(query: LocationQuery): AuditFilter {
  const text = (name: string): string => (typeof query[name] === "string" ? query[name].trim() : "");
  const printable = (name: string): string => (PRINTABLE.test(text(name)) ? text(name) : "");
  const instant = (name: string): string => (Number.isNaN(Date.parse(text(name))) ? "" : text(name));
  return {
    actor: printable("actor"),
    action: text("action"),
    target: printable("target"),
    since: instant("since"),
    before: instant("before"),
  };
}

/** Write the filter as the query of the address of the page. */
export function writeFilter(filter: AuditFilter): Record<string, string> {
  return Object.fromEntries(FIELDS.filter((field) => filter[field] !== "").map((field) => [field, filter[field]]));
}

/** Return what to ask the API for. */
export function queryOf(filter: AuditFilter, actions: readonly string[]): NonNullable<ShowAuditData["query"]> {
  const { action, ...rest } = writeFilter(filter);
  const known = action !== undefined && (actions.length === 0 || actions.includes(action));
  return { ...rest, ...(known ? { action: action as Action } : {}) };
}
