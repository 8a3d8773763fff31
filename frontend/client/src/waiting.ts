/**
 * Wait so long, or until one of the others happens.
 *
 * @param wakes - Calls back when there is no reason to wait longer, and returns what stops it.
 * @throws the reason of the signal when it is aborted.
 */
export async function sleep(milliseconds: number, signal?: AbortSignal, wakes?: (act: () => void) => () => void): Promise<void> {
  signal?.throwIfAborted();
  let stop = (): void => undefined;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    const stopWake = wakes?.(resolve);
    const abort = (): void => {
      resolve();
    };
    signal?.addEventListener("abort", abort);
    stop = () => {
      clearTimeout(timer);
      stopWake?.();
      signal?.removeEventListener("abort", abort);
    };
  });
  stop();
  signal?.throwIfAborted();
}

/** A controller that is aborted with another signal, too. */
export interface LinkedController {
  readonly controller: AbortController;
  /** Listen to the other signal no longer. */
  release: () => void;
}

/** Return a controller that is aborted when a signal is. */
export function linkTo(signal: AbortSignal | undefined): LinkedController {
  const controller = new AbortController();
  const abort = (): void => {
    controller.abort(signal?.reason);
  };
  signal?.throwIfAborted();
  signal?.addEventListener("abort", abort);
  return {
    controller,
    release() {
      signal?.removeEventListener("abort", abort);
    },
  };
}

/** Call back when there is a network again, or the page is looked at again. Outside of a page that never happens. */
export function onWake(act: () => void): () => void {
  if (typeof document === "undefined") return () => undefined;
  const whenShown = (): void => {
    if (!document.hidden) act();
  };
  globalThis.addEventListener("online", act);
  document.addEventListener("visibilitychange", whenShown);
  return () => {
    globalThis.removeEventListener("online", act);
    document.removeEventListener("visibilitychange", whenShown);
  };
}
