import type { Scope } from "@/api/core";

// In the order in which somebody thinks of them, what is dangerous last.
const SCOPES: readonly Scope[] = ["tasks:read", "tasks:write", "schedules:write", "files:read", "files:write", "admin"];

/**
 * Return the scopes that a new key can have: those of whoever makes it, as a key never allows more than that.
 *
 * Where no files are kept, nobody is asked about them. What an account for a program may do is never everything.
 */
export function offeredScopes(own: readonly Scope[], has_files: boolean, for_another: boolean): Scope[] {
  return SCOPES.filter((scope) => own.includes(scope) && (has_files || !scope.startsWith("files:")) && !(for_another && scope === "admin"));
}
