import type { Router } from "vue-router";

const PATIENCE_MILLISECONDS = 3_000;
const HEADING = "main h1";

/**
 * After each navigation, give the focus to the heading of the page, so that a screen reader says where one is and the keyboard goes on there.
 *
 * The heading of a screen may come a moment later, with its code. Whoever has gone elsewhere with the focus meanwhile keeps it there.
 */
export function focusHeadings(router: Router): () => void {
  let observer: MutationObserver | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = (): void => {
    observer?.disconnect();
    observer = null;
    clearTimeout(timer);
  };
  const remove = router.afterEach((to, from, failure) => {
    // The first page has the focus at its beginning, where it belongs; a filter in the query is no other page.
    if (failure !== undefined || from.matched.length === 0 || to.path === from.path) return;
    stop();
    const left = document.querySelector(HEADING);
    const before = document.activeElement;
    const settle = (is_last: boolean): void => {
      const heading = document.querySelector<HTMLElement>(HEADING);
      const moved = document.activeElement !== before && document.activeElement !== document.body;
      if (!is_last && !moved && (heading === null || heading === left)) return;
      stop();
      if (!moved) focus(heading);
    };
    observer = new MutationObserver(() => {
      settle(false);
    });
    observer.observe(document.body, { childList: true, subtree: true });
    timer = setTimeout(settle, PATIENCE_MILLISECONDS, true);
  });
  return () => {
    remove();
    stop();
  };
}

function focus(heading: HTMLElement | null): void {
  if (heading === null) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}
