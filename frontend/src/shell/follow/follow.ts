import { onScopeDispose, type Ref, ref, shallowRef } from "vue";

import { ApiError } from "@/api/errors";

/** How it goes with the stream: `over` when there is nothing more to come, `refused` when the link is good for nothing. */
export type Following = "connecting" | "live" | "reconnecting" | "over" | "refused";

export interface Followed {
  state: Ref<Following>;
  error: Ref<ApiError | null>;
}

export interface FollowOptions {
  names: readonly string[];
  /** Called with each event, in the order of the log. Return whether it is the last one as far as one can tell. */
  on: (name: string, data: unknown) => boolean;
  open?: (address: string) => EventSource;
  ask?: typeof fetch;
}

const FIRST_PAUSE_MILLISECONDS = 1_000;
const LAST_PAUSE_MILLISECONDS = 30_000;
// The server says a beat every 15 seconds.
const SILENT_MILLISECONDS = 45_000;

/**
 * Follow the stream of a link. A cut connection is opened again after the last event; a link that is not valid is said to be so.
 *
 * `EventSource` does not tell why it gave up, so the same address is asked for once in another way.
 */
export function useFollow(address: string, options: FollowOptions): Followed {
  const { names, on, open = (url) => new EventSource(url), ask = (input, init) => fetch(input, init) } = options;
  const state = ref<Following>("connecting");
  const error = shallowRef<ApiError | null>(null);
  let source: EventSource | null = null;
  let last = "";
  let is_final = false;
  let pause = FIRST_PAUSE_MILLISECONDS;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;

  function connect(): void {
    clearTimeout(retry);
    source?.close();
    source = open(last === "" ? address : `${address}&after=${encodeURIComponent(last)}`);
    source.addEventListener("open", heard);
    source.addEventListener("error", lose);
    for (const name of names) source.addEventListener(name, (event) => hear(name, event));
    source.addEventListener("beat", heard);
    source.addEventListener("reset", heard);
    source.addEventListener("bye", () => void end());
  }

  function heard(event: Event): void {
    if ("lastEventId" in event && typeof event.lastEventId === "string" && event.lastEventId !== "") last = event.lastEventId;
    state.value = "live";
    error.value = null;
    pause = FIRST_PAUSE_MILLISECONDS;
    clearTimeout(silence);
    silence = setTimeout(connect, SILENT_MILLISECONDS);
  }

  function hear(name: string, event: MessageEvent<string>): void {
    heard(event);
    is_final = on(name, JSON.parse(event.data));
  }

  function lose(): void {
    // The server ends the stream after the last event.
    if (is_final) finish("over");
    else if (source?.readyState === EventSource.CLOSED) void end();
    else state.value = "reconnecting";
  }

  async function end(): Promise<void> {
    source?.close();
    clearTimeout(silence);
    state.value = "reconnecting";
    const found = await why();
    if (state.value !== "reconnecting") return;
    error.value = found;
    if (found === null) finish("over");
    else if (found.status >= 400 && found.status < 500 && found.status !== 429) finish("refused");
    else {
      retry = setTimeout(connect, Math.max(pause, (found.retry_after ?? 0) * 1_000));
      pause = Math.min(2 * pause, LAST_PAUSE_MILLISECONDS);
    }
  }

  // The problem that the server has with the address; null when there is nothing more to follow.
  async function why(): Promise<ApiError | null> {
    const stop = new AbortController();
    try {
      const answer = await ask(last === "" ? address : `${address}&after=${encodeURIComponent(last)}`, {
        // Whoever accepts a stream alone is told problems in a stream.
        headers: { Accept: "application/json, text/event-stream;q=0.1" },
        credentials: "omit",
        signal: stop.signal,
      });
      if (answer.status === 204) return null;
      if (answer.ok) return new ApiError(503, "reopen", "");
      return ApiError.from(await answer.json().catch(() => null), answer);
    } catch (cause) {
      return ApiError.from(cause, undefined);
    } finally {
      stop.abort();
    }
  }

  function finish(as: "over" | "refused"): void {
    source?.close();
    clearTimeout(silence);
    clearTimeout(retry);
    state.value = as;
  }

  const wake = (): void => {
    if (state.value !== "reconnecting") return;
    pause = FIRST_PAUSE_MILLISECONDS;
    connect();
  };
  window.addEventListener("online", wake);
  onScopeDispose(() => {
    window.removeEventListener("online", wake);
    finish("over");
  });
  connect();
  return { state, error };
}

/** Return the address of the stream that a link is for. The link has the token after its `#`, which no browser sends to a server. */
export function streamAddress(what: string, id: string, hash: string): string | null {
  const token = new URLSearchParams(hash.replace(/^#/, "")).get("token");
  if (token === null || token === "") return null;
  return `/api/v1/follow/${what}/${encodeURIComponent(id)}/events?token=${encodeURIComponent(token)}`;
}

/** Return the address of the page that shows what the link of a stream is for: what one sends to somebody. */
export function pageAddress(link: string): string {
  const { origin, pathname, searchParams } = new URL(link);
  const [, what = "tasks", id = ""] = /\/follow\/(tasks|batches)\/([^/]+)\/events$/.exec(pathname) ?? [];
  return `${origin}/follow/${what}/${id}#${new URLSearchParams({ token: searchParams.get("token") ?? "" }).toString()}`;
}
