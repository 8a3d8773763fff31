import { notifyManager, QueryClient } from "@tanstack/vue-query";

import type { ApiError } from "@/api/errors";

const RETRIES = 3;
const LONGEST_PAUSE_MILLISECONDS = 10_000;

/**
 * Make the client that remembers answers for the screens.
 *
 * The stream says what has changed, so nothing is asked again because a window has the focus. An answer is not compared with the one
 * before it, which would cost more than to show it.
 */
export function makeQueryClient(): QueryClient {
  // Who shows an answer is told before the browser draws the next time, and not in a task of its own behind others.
  notifyManager.setScheduler(queueMicrotask);
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: mayRetry,
        retryDelay,
        // A request that cannot be sent fails, so that the page can say so, where a paused one would say nothing.
        networkMode: "always",
        structuralSharing: false,
        refetchOnWindowFocus: false,
        refetchOnReconnect: (query) => query.state.status === "error",
      },
      mutations: { retry: false, networkMode: "always" },
    },
  });
}

/** Whether a request is worth asking again: the same one gets the same answer unless nothing has answered, or the API is away. */
export function mayRetry(failures: number, error: ApiError): boolean {
  return failures < RETRIES && (error.unreachable || error.status === 503);
}

/** Return the milliseconds to wait for: as long as the API asks for, else twice as long each time. */
export function retryDelay(failures: number, error: ApiError): number {
  return Math.min(error.retry_after === null ? 1_000 * 2 ** failures : 1_000 * error.retry_after, LONGEST_PAUSE_MILLISECONDS);
}
