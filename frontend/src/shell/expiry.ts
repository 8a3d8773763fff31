import { watch } from "vue";

import { getSession } from "@/api/core";
import { expiresAt, refreshSession, rememberExpiry } from "@/api/refresh";
import { serverNow } from "@/design/clock";

import type { Session } from "./session";

// An access token lasts for ten minutes. Who refreshes a minute before has time for a second attempt.
const AHEAD_MILLISECONDS = 60_000;
const AGAIN_MILLISECONDS = 20_000;

/**
 * Get the next access token before the present one expires, so that no request and no stream has to fail first.
 *
 * Each tab has the timer, and the first whose time comes asks for all of them. A machine that slept asks when a request says 401.
 */
export function keepSignedIn(session: Session): void {
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function next(): Promise<void> {
    const expiry = await known();
    const pause = expiry === null ? AGAIN_MILLISECONDS : Date.parse(expiry) - serverNow() - AHEAD_MILLISECONDS;
    clearTimeout(timer);
    timer = setTimeout(() => void renew(), Math.max(pause, 1_000));
  }

  async function renew(): Promise<void> {
    if (session.user === null) return;
    try {
      // Another tab may have been faster.
      const expiry = expiresAt();
      const is_near = expiry === null || Date.parse(expiry) - serverNow() <= AHEAD_MILLISECONDS + 1_000;
      if (!is_near || (await refreshSession())) await next();
    } catch {
      timer = setTimeout(() => void renew(), AGAIN_MILLISECONDS);
    }
  }

  watch(
    () => session.user?.id,
    (id) => {
      clearTimeout(timer);
      if (id !== undefined) void next();
    },
    { immediate: true },
  );
}

// A sign-in link and a session of another time have told this page nothing: it asks once.
async function known(): Promise<string | null> {
  const expiry = expiresAt();
  if (expiry !== null && Date.parse(expiry) > serverNow()) return expiry;
  try {
    const { data } = await getSession({ throwOnError: true });
    rememberExpiry(data.expires_at);
    return data.expires_at;
  } catch {
    return null;
  }
}
