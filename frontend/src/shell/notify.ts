import { shallowReactive } from "vue";
import type { RouteLocationRaw } from "vue-router";

import { ApiError } from "@/api/errors";

/** A word about what somebody has just done. */
export interface Notice {
  text: string;
  /** Where to see it. */
  to?: RouteLocationRaw;
  /** Take it back. Offered for as long as the notice is shown. */
  undo?: () => void;
}

/** A notice as it is shown. */
export interface Toast extends Notice {
  id: number;
  failed: boolean;
  /** Names the request in the logs. */
  correlation?: string;
  /** For how long it is shown; null: until it is closed. */
  milliseconds: number | null;
}

const UNDO_MILLISECONDS = 5_000;
const SHOWN_MILLISECONDS = 6_000;
const AT_ONCE = 3;

/** The notices that are shown, oldest first. */
export const toasts = shallowReactive<Toast[]>([]);
let last = 0;

/** Say what became of something that the user did. It is for answers to their own actions alone. Return what takes the notice away. */
export function notify(notice: Notice): () => void {
  return show({ ...notice, failed: false, milliseconds: notice.undo === undefined ? SHOWN_MILLISECONDS : UNDO_MILLISECONDS });
}

/** Say why something that the user did has failed. It stays until it is closed. */
export function notifyError(error: unknown, fallback = String(error)): () => void {
  const known = error instanceof ApiError;
  const text = known ? error.message : fallback;
  return show({ text, failed: true, milliseconds: null, ...(known && error.correlation !== "" ? { correlation: error.correlation } : {}) });
}

/** Take a notice away. */
export function close(id: number): void {
  const at = toasts.findIndex((toast) => toast.id === id);
  if (at >= 0) toasts.splice(at, 1);
}

function show(toast: Omit<Toast, "id">): () => void {
  last += 1;
  const id = last;
  // What failed twice in the same way is said once.
  const same = toasts.findIndex((each) => each.failed && toast.failed && each.text === toast.text);
  if (same >= 0) toasts.splice(same, 1);
  toasts.push({ ...toast, id });
  while (toasts.length > AT_ONCE) toasts.shift();
  return () => {
    close(id);
  };
}
