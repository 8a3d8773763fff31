// One refresh at a time over all tabs of this browser: a refresh token works once.
const LOCK = "headrace-session";
const SESSION = "/api/v1/session";
// What a tab that waited for the lock takes as refreshed by another one a moment ago.
const FRESH_MILLISECONDS = 5_000;
const REFRESHED_AT = "headrace-refreshed-at";

type SignedOutListener = () => void;
const listeners = new Set<SignedOutListener>();

/** Call back when the session has ended for good. Return what stops it. */
export function onSignedOut(listener: SignedOutListener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * Get the next access token, once for all tabs. Return whether somebody is signed in.
 *
 * The other tabs wait for the one that asks, and see that it has done so from the time it leaves in the storage.
 *
 * @throws TypeError when nothing answers: that says nothing about the session.
 */
export async function refreshSession(send: typeof fetch = fetch): Promise<boolean> {
  const asked = Date.now();
  return navigator.locks.request(LOCK, async () => {
    const last = Number(readStored(REFRESHED_AT));
    if (last > asked - FRESH_MILLISECONDS && last <= Date.now()) return true;
    const answer = await send(SESSION, {
      method: "PUT",
      credentials: "same-origin",
      headers: { "X-Headrace-CSRF": "1", "Content-Type": "application/json" },
      body: "{}",
    });
    if (answer.ok) store(REFRESHED_AT, String(Date.now()));
    if (answer.status === 401 || answer.status === 403) return false;
    return true;
  });
}

/** Return a fetch that, on 401, refreshes the session and asks once more; when that fails, everybody who listens learns that the session ended. */
export function refreshing(send: typeof fetch): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const again = request.clone();
    const response = await send(request);
    // Signing in, out and refreshing say by themselves what 401 means there.
    if (response.status !== 401 || new URL(request.url).pathname === SESSION) return response;
    if (await refreshSession()) return send(again);
    for (const listener of listeners) listener();
    return response;
  };
}

function readStored(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function store(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Without storage each tab refreshes for itself.
  }
}
