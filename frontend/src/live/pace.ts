/** Does something at once, and then at most so often. */
export interface Pace {
  /** Have it done: now when that was long enough ago, else as soon as it is. */
  ask: () => void;
  stop: () => void;
}

/** Return a pace at which something is done. There is a timer only while something waits to be done. */
export function createPace(act: () => void, every_ms: () => number): Pace {
  let done_at = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function go(): void {
    timer = undefined;
    done_at = performance.now();
    act();
  }

  return {
    ask() {
      if (timer !== undefined) return;
      const left = done_at + every_ms() - performance.now();
      if (left <= 0) go();
      else timer = setTimeout(go, left);
    },
    stop() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
