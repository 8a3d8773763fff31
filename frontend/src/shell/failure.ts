import { shallowRef, type App } from "vue";
import type { Router } from "vue-router";

import { ApiError } from "@/api/errors";

import { isLostAsset, reloadOnce } from "./lost_assets";
import { notifyError } from "./notify";

/** The error because of which the page cannot be shown; null while it can. */
export const failed_page = shallowRef<Error | null>(null);

// What Vue says of an error of a listener: its name while developing, its number in a build. The page is still whole then.
const LISTENERS = /event handler|runtime-[56]$/;

/**
 * Show what went wrong instead of a page that has failed, until the user goes elsewhere.
 *
 * An error of a listener, such as that of a button, leaves the page as it is and is said beside it.
 */
export function catchFailures(app: App, router: Router): void {
  app.config.errorHandler = (cause, _instance, info) => {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    if (isLostAsset(error) && reloadOnce(router.currentRoute.value.fullPath)) return;
    report(error);
    if (LISTENERS.test(info)) notifyError(error, error.message);
    else failed_page.value = error;
  };
  router.onError((cause: unknown) => {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    report(error);
    failed_page.value = error;
  });
  router.afterEach((to, from) => {
    if (to.path !== from.path) failed_page.value = null;
  });
}

// A refused request is no fault of the page: it has a correlation id, under which the logs of the server have it.
function report(error: Error): void {
  if (error instanceof ApiError) return;
  // oxlint-disable-next-line no-console -- it is the one place where a browser's user can see a fault of ours
  console.error(error);
}
