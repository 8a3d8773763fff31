import { onScopeDispose, shallowReactive, toValue, watchEffect, type MaybeRefOrGetter } from "vue";

import type { State } from "@/api/member";

import { drawFavicon, type Icon } from "./favicon";

/** What the tab says of the page: its title, and of the one task or batch that the page is about how far it is. */
export interface PageTitle {
  title: string;
  /** How many of how many are over; the title begins with it. */
  progress?: { done: number; total: number } | null;
  /** From 0 to 1, where that is known; the ring of the icon. */
  fraction?: number | null;
  /** In which state it is. Of a batch: running, and in the end succeeded, or failed when some have. */
  state?: State | null;
}

type Given = MaybeRefOrGetter<PageTitle | string>;
const NAME = "Headrace";
const ENDS: Partial<Record<State, string>> = { succeeded: "✓", failed: "✕", cancelled: "✕" };

const given = shallowReactive<Given[]>([]);
let shown_state: State | null = null;
let news = "";

/** Let the tab tell of the page for as long as the component is there. The newest one counts. */
export function usePageTitle(title: Given): void {
  given.push(title);
  onScopeDispose(() => {
    const at = given.indexOf(title);
    if (at >= 0) given.splice(at, 1);
  });
}

/** Keep the title and the icon of the tab as the page says. The shell starts it once; `fallback` is the title of the screen. */
export function keepTitle(fallback: () => string, draw: (icon: Icon) => void = drawFavicon): () => void {
  const stop = watchEffect(() => {
    const now = current(fallback());
    const state = now.state ?? null;
    // Whoever comes back to the tab sees whether what they left running is over. While they are here they see it happen.
    if (isRunning(shown_state) && state !== null && ENDS[state] !== undefined && document.visibilityState === "hidden") news = ENDS[state];
    if (state === null || isRunning(state)) news = "";
    shown_state = state;
    write(now);
    draw(iconOf(now));
  });
  const seen = (): void => {
    if (document.visibilityState !== "visible" || news === "") return;
    news = "";
    write(current(fallback()));
  };
  document.addEventListener("visibilitychange", seen);
  return () => {
    stop();
    document.removeEventListener("visibilitychange", seen);
  };
}

/** Return the title of a tab: `(412/500) Class 9b · Headrace`. */
export function titleOf(page: PageTitle, mark = ""): string {
  const { progress } = page;
  const counted = progress === undefined || progress === null ? "" : `(${String(progress.done)}/${String(progress.total)})`;
  const name = page.title === "" || page.title === NAME ? NAME : `${page.title} · ${NAME}`;
  return [mark, counted, name].filter((part) => part !== "").join(" ");
}

/** Return what the icon of a tab shows. */
export function iconOf(page: PageTitle): Icon {
  const state = page.state ?? null;
  if (state === "succeeded" || state === "failed") return { kind: "ended", state };
  if (state !== "running") return { kind: "plain" };
  const { progress } = page;
  const counted = progress !== undefined && progress !== null && progress.total > 0 ? progress.done / progress.total : null;
  return { kind: "running", fraction: page.fraction ?? counted };
}

function current(fallback: string): PageTitle {
  const newest = toValue(given.at(-1)) ?? fallback;
  return typeof newest === "string" ? { title: newest } : newest;
}

function write(page: PageTitle): void {
  const next = titleOf(page, news);
  if (document.title !== next) document.title = next;
}

function isRunning(state: State | null): boolean {
  return state === "running" || state === "queued" || state === "pending";
}
