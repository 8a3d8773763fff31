import { watch } from "vue";

import type { Toast } from "../notify";

export interface Timers {
  hold: () => void;
  release: () => void;
  stop: () => void;
}

/** Take each notice away when its time is over. While they are held, none goes; after that each has its whole time again. */
export function useTimers(toasts: Toast[], close: (id: number) => void): Timers {
  const running = new Map<number, ReturnType<typeof setTimeout>>();
  let held = false;

  const start = (toast: Toast): void => {
    if (held || toast.milliseconds === null || running.has(toast.id)) return;
    running.set(toast.id, setTimeout(close, toast.milliseconds, toast.id));
  };
  const stop = (): void => {
    for (const timer of running.values()) clearTimeout(timer);
    running.clear();
  };
  watch(
    () => toasts.map((toast) => toast.id),
    (ids) => {
      for (const [id, timer] of running) {
        if (ids.includes(id)) continue;
        clearTimeout(timer);
        running.delete(id);
      }
      for (const toast of toasts) start(toast);
    },
    { immediate: true },
  );
  return {
    hold: () => {
      held = true;
      stop();
    },
    release: () => {
      held = false;
      for (const toast of toasts) start(toast);
    },
    stop,
  };
}
