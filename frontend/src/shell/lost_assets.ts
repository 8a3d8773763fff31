import type { Router } from "vue-router";

const RELOADED = "headrace-reloaded";
// A second reload within this time would be a loop: the assets are not there because something else is wrong.
const ONCE_IN_MILLISECONDS = 60_000;

/**
 * Reload the page once when the code of a screen cannot be loaded.
 *
 * A new version of the application has other assets, and those of the old one go away under pages that are still open.
 */
export function recoverFromLostAssets(router: Router): void {
  router.onError((error: unknown, to) => {
    if (isLostAsset(error)) reloadOnce(to.fullPath);
  });
}

/** Whether an error says that a part of the application could not be loaded. Each browser has its own words for it. */
export function isLostAsset(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return /dynamically imported module|importing a module script failed|unable to preload css/i.test(error.message);
}

/** Load the page again at an address, unless that was done a moment ago. Return whether it is done. */
export function reloadOnce(address: string, now = Date.now()): boolean {
  try {
    const last = Number(sessionStorage.getItem(RELOADED) ?? "0");
    if (now - last < ONCE_IN_MILLISECONDS && last <= now) return false;
    sessionStorage.setItem(RELOADED, String(now));
  } catch {
    // Without storage nobody could tell a loop from a first time.
    return false;
  }
  location.assign(address);
  return true;
}
