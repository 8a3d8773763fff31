import type { Component } from "vue";
import type { RouteRecordRaw } from "vue-router";

/** A text in each language, for what has to be known before the messages of a screen are loaded. */
export interface Title {
  en: string;
  de: string;
}

/** What the rest of the application has to know of a screen before it is opened. Each screen is one folder with a `route.ts`. */
export interface Screen {
  path: string;
  name: string;
  component: () => Promise<{ default: Component }>;
  title: Title;
  /** Its place in the navigation, the least first. Without one it is reached by links alone. */
  nav?: { order: number; icon: string };
  /** Whether it is for administrators alone. */
  admin?: boolean;
  /** What an installation has to be able to do, so that the navigation leads there. */
  feature?: "files";
  /** Whether it is shown to somebody without an account, and therefore without the navigation. */
  open?: boolean;
}

declare module "vue-router" {
  interface RouteMeta {
    title?: Title;
    nav?: { order: number; icon: string };
    admin?: boolean;
    open?: boolean;
    feature?: "files";
  }
}

/** Check the definition of a screen, and return it. */
export function defineScreen(screen: Screen): Screen {
  return screen;
}

/** Return the route of a screen. Its meta data are those that the navigation, the palette and the guards read. */
export function routeOf(screen: Screen): RouteRecordRaw {
  const meta: RouteRecordRaw["meta"] = { title: screen.title, admin: screen.admin ?? false, open: screen.open ?? false };
  if (screen.nav !== undefined) meta.nav = screen.nav;
  if (screen.feature !== undefined) meta.feature = screen.feature;
  return { path: screen.path, name: screen.name, component: screen.component, meta };
}
