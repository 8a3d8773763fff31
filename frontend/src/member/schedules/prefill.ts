/** What a new schedule starts with: the kind and the input of a form that somebody has filled already. */
export interface Prefill {
  kind: string;
  input: unknown;
}

const KEPT = "headrace-new-schedule";

/** Keep what the next new schedule of this tab starts with. Then go to the screen `schedules` with the query `new=<kind>`. */
export function keepPrefill(prefill: Prefill): void {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(prefill));
  } catch {
    // Without a storage the form starts empty.
  }
}

/** Return what was kept for a kind, once. */
export function takePrefill(kind: string): Prefill | null {
  try {
    const kept = sessionStorage.getItem(KEPT);
    if (kept === null) return null;
    const prefill = JSON.parse(kept) as Prefill;
    if (prefill.kind !== kind) return null;
    sessionStorage.removeItem(KEPT);
    return prefill;
  } catch {
    return null;
  }
}
