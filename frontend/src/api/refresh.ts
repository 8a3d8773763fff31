import { ApiError } from "./errors";

// One refresh at a time over all tabs of this browser: a refresh token works once.
const LOCK = "headrace-session";
const SESSION = "/api/v1/session";
// What a tab that waited for the lock takes as refreshed by another one a moment ago.
const FRESH_MILLISECONDS = 5_000;
// The tabs that wait for the lock wait for an answer that never comes as well, so that waiting has an end.
const PATIENCE_MILLISECONDS = 15_000;
const REFRESHED_AT = "headrace-refreshed-at";
const EXPIRES_AT = "headrace-expires-at";

type SignedOutListener = (error: ApiError) => void;
const listeners = new Set<SignedOutListener>();
let running: Promise<boolean> | null = null;

/** Call back when the session has ended for good, with what the API says about it. Return what stops it. */
export function onSignedOut(listener: SignedOutListener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Return when the access token expires, as the last sign-in or refresh of any tab has said; null when nobody knows. */
export function expiresAt(): string | null {
  return readStored(EXPIRES_AT);
}

/** Remember for all tabs when the access token expires. */
export function rememberExpiry(expires_at: string | null): void {
  if (expires_at !== null) store(EXPIRES_AT, expires_at);
}

/** Forget what is known of a session that has ended. */
export function forgetExpiry(): void {
  for (const name of [REFRESHED_AT, EXPIRES_AT]) drop(name);
}

/**
 * Get the next access token, once for all tabs. Return whether somebody is signed in.
 *
 * The other tabs wait for the one that asks, and see that it has done so from the time it leaves in the storage.
 *
 * @throws ApiError when the API does not say whether the session goes on: nothing answers, or it cannot tell at the moment.
 */
export async function refreshSession(send: typeof fetch = fetch): Promise<boolean> {
  const asked = Date.now();
  running ??= exclusively(() => refresh(send, asked)).finally(() => {
    running = null;
  });
  return running;
}

// Pages that came over plain HTTP have no Web Locks. Each of their tabs refreshes by itself, which the API allows for ten seconds.
async function exclusively<T>(act: () => Promise<T>): Promise<T> {
  const locks: LockManager | null | undefined = navigator.locks;
  return locks ? locks.request(LOCK, act) : act();
}

async function refresh(send: typeof fetch, asked: number): Promise<boolean> {
  const last = Number(readStored(REFRESHED_AT));
  if (last > asked - FRESH_MILLISECONDS && last <= Date.now()) return true;
  const answer = await ask(send);
  const body: unknown = await answer.json().catch(() => null);
  if (answer.ok) {
    store(REFRESHED_AT, String(Date.now()));
    rememberExpiry(expiryOf(body));
    return true;
  }
  const error = ApiError.from(body, answer);
  if (answer.status !== 401 && answer.status !== 403) throw error;
  for (const listener of listeners) listener(error);
  return false;
}

async function ask(send: typeof fetch): Promise<Response> {
  try {
    return await send(SESSION, {
      method: "PUT",
      credentials: "same-origin",
      headers: { "X-Headrace-CSRF": "1", "Content-Type": "application/json" },
      body: "{}",
      signal: AbortSignal.timeout(PATIENCE_MILLISECONDS),
    });
  } catch (cause) {
    throw ApiError.from(cause, undefined);
  }
}

function expiryOf(body: unknown): string | null {
  if (typeof body !== "object" || body === null || !("expires_at" in body)) return null;
  return typeof body.expires_at === "string" ? body.expires_at : null;
}

/**
 * Return a fetch that, on 401, refreshes the session and asks once more. When the session has ended, everybody who listens learns it.
 *
 * While the API cannot tell whether the session goes on, the request fails with that reason, and nobody is signed out.
 */
export function refreshing(send: typeof fetch): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const again = request.clone();
    const response = await send(request);
    // Signing in, out and refreshing say by themselves what 401 means there.
    if (response.status !== 401 || (new URL(request.url).pathname === SESSION && request.method !== "GET")) return response;
    return (await refreshSession()) ? send(again) : response;
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

function drop(name: string): void {
  try {
    localStorage.removeItem(name);
  } catch {
    // What could not be stored is not there.
  }
}
