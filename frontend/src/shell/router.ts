import { createRouter, createWebHistory, type RouteLocationNormalized, type Router, type RouterHistory } from "vue-router";

import { recoverFromLostAssets } from "./lost_assets";
import { type Screen, routeOf } from "./screen";
import type { Session } from "./session";

export { defineScreen } from "./screen";

/** Make the router of the screens. It lets nobody pass to a screen that their session does not allow. */
export function makeRouter(session: Session, screens: Screen[], history: RouterHistory = createWebHistory()): Router {
  const router = createRouter({
    history,
    routes: screens.map(routeOf),
    scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
  });
  router.beforeEach((to) => whereTo(to, session));
  recoverFromLostAssets(router);
  return router;
}

async function whereTo(to: RouteLocationNormalized, session: Session): Promise<true | object> {
  if (to.meta.open === true) return true;
  await session.ready();
  if (session.user === null) return { name: "sign_in", query: to.fullPath === "/" ? {} : { to: to.fullPath } };
  if (session.user.state !== "active") return { name: "waiting" };
  // Whoever may not see a screen is not told that it exists. The address stays as it was typed.
  if (to.meta.admin === true && !session.is_admin) return { name: "not_found", params: { rest: to.path.slice(1).split("/") } };
  return true;
}

/** Return where to go after signing in, if `asked` is a place of this application and no other site. */
export function destination(asked: unknown): string {
  if (typeof asked !== "string" || !asked.startsWith("/") || asked.startsWith("//") || asked.includes("\\")) return "/";
  return /^\/(sign-in|register|waiting)(?:[/?#]|$)/.test(asked) ? "/" : asked;
}
