import { computed, type ComputedRef } from "vue";

import { notifyError } from "../notify";
import { type Preferences, usePreferences } from "../preferences";

/** Return the theme, and what changes it. A change that the account does not keep is said. */
export function useTheme(): { is_dark: ComputedRef<boolean>; toggle: () => void; change: (change: Partial<Preferences>) => void } {
  const preferences = usePreferences();
  const change = (to: Partial<Preferences>): void => {
    preferences.set(to).catch(notifyError);
  };
  return {
    is_dark: computed(() => preferences.is_dark),
    toggle: () => {
      change({ theme: preferences.is_dark ? "light" : "dark" });
    },
    change,
  };
}
