import { sleep } from "./waiting.js";

// The API would wait up to 60; some proxies give up on a silent request after 30.
const POLL_SECONDS = 25;
// An API that shuts down answers at once.
const PAUSE_MILLISECONDS = 200;
const ANSWER_SECONDS = 15;

/** Return how long to wait for an answer that the API holds back for so many seconds. */
export function patienceFor(wait: number | undefined): number {
  return (wait ?? 0) + ANSWER_SECONDS;
}

/** Read something until it is over, and return it. The API answers when it is over, or after the seconds that it is asked to wait. */
export async function pollUntil<Read>(
  read: (wait: number) => Promise<Read>,
  isOver: (read: Read) => boolean,
  signal: AbortSignal | undefined,
): Promise<Read> {
  for (;;) {
    const found = await read(POLL_SECONDS);
    if (isOver(found)) return found;
    await sleep(PAUSE_MILLISECONDS, signal);
  }
}
