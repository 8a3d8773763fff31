import { type Ref, onScopeDispose, readonly, ref } from "vue";

// How far the clock of this machine is behind the server's, in milliseconds. Every running time on a page is by the server's clock.
let offset = 0;
// A small difference is the time that the answer travelled. The clock does not jump for it.
const TRAVEL_MILLISECONDS = 1_000;
const TICK_MILLISECONDS = 1_000;

const now = ref(Date.now());
let timer: ReturnType<typeof setInterval> | undefined;
let watchers = 0;

/** Take the time of an answer of the server, an ISO 8601 instant, as the time it is now. */
export function setServerTime(at: string): void {
  const told = Date.parse(at);
  if (Number.isNaN(told)) return;
  const next = told - Date.now();
  if (Math.abs(next - offset) > TRAVEL_MILLISECONDS) offset = next;
}

/** Return the time of the server, in milliseconds since 1970. */
export function serverNow(): number {
  return Date.now() + offset;
}

/**
 * Return the time of the server as a ref that moves once a second, for as long as somebody uses it and the page is visible.
 *
 * All users of a page share one timer.
 */
export function useNow(): Readonly<Ref<number>> {
  watchers += 1;
  now.value = serverNow();
  timer ??= setInterval(tick, TICK_MILLISECONDS);
  onScopeDispose(() => {
    watchers -= 1;
    if (watchers > 0) return;
    clearInterval(timer);
    timer = undefined;
  });
  return readonly(now);
}

function tick(): void {
  if (document.visibilityState !== "hidden") now.value = serverNow();
}

if (typeof document !== "undefined") document.addEventListener("visibilitychange", tick);
