import { computed, type ComputedRef } from "vue";
import { useRoute, useRouter } from "vue-router";

import { i18n } from "@/i18n";

import type { Title } from "../screen";
import { useSession } from "../session";

/** A screen that the navigation leads to. */
export interface Place {
  name: string;
  to: string;
  title: string;
  icon: string;
  admin: boolean;
}

/** The places of the navigation that the user may see, in their order. Those of administrators come last. */
export function usePlaces(): ComputedRef<Place[]> {
  const router = useRouter();
  const session = useSession();
  return computed(() =>
    router
      .getRoutes()
      .flatMap((route) => {
        const { nav, title, admin = false, feature } = route.meta;
        if (nav === undefined || title === undefined || (admin && !session.is_admin)) return [];
        if (feature !== undefined && !session.features[feature]) return [];
        return [{ name: String(route.name), to: route.path, title: say(title), icon: nav.icon, admin, order: nav.order }];
      })
      .sort((one, other) => Number(one.admin) - Number(other.admin) || one.order - other.order),
  );
}

/** Tell of which place the page that is shown is a part: that of one task belongs to the tasks. */
export function useIsHere(): (place: Place) => boolean {
  const route = useRoute();
  return ({ to }) => route.path === to || (to !== "/" && route.path.startsWith(`${to}/`));
}

/** Return the title of a screen in the language of the page. */
export function say(title: Title): string {
  return i18n.global.locale.value === "de" ? title.de : title.en;
}
