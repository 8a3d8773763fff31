import { defineStore } from "pinia";
import { computed, ref, watch } from "vue";

import { replacePreferences } from "@/api/core";
import { ApiError } from "@/api/errors";
import type { Preferences } from "@/api/member";
import { speak } from "@/i18n";

export type { Preferences };

// What `theme.js` reads before the first paint.
const MIRROR = "headrace-preferences";
const DEFAULTS: Preferences = { language: null, theme: "system", time_zone: null, hours: null, density: "comfortable" };

/** How the user wants to see things. They apply at once, and are mirrored in this browser for the next first paint. */
export const usePreferences = defineStore("preferences", () => {
  const preferences = ref<Preferences>(mirrored());
  const system = matchMedia("(prefers-color-scheme: dark)");
  const system_is_dark = ref(system.matches);
  system.addEventListener("change", (event) => {
    system_is_dark.value = event.matches;
  });

  const is_dark = computed(() => preferences.value.theme === "dark" || (preferences.value.theme === "system" && system_is_dark.value));
  /** What the formats of times need. */
  const times = computed(() => ({ zone: preferences.value.time_zone, hours: preferences.value.hours }));

  watch(
    [preferences, is_dark],
    () => {
      const page = document.documentElement;
      page.dataset["theme"] = is_dark.value ? "dark" : "light";
      page.dataset["density"] = preferences.value.density;
      speak(preferences.value.language);
      mirror(preferences.value);
    },
    { immediate: true, flush: "sync" },
  );

  /** Take the preferences that the account has. */
  function adopt(stored: Preferences): void {
    preferences.value = { ...stored };
  }

  /**
   * Change some of them, for this browser and the account.
   *
   * @throws ApiError when the account does not keep them; then they are as before.
   */
  async function set(change: Partial<Preferences>): Promise<void> {
    const before = preferences.value;
    preferences.value = { ...before, ...change };
    try {
      await replacePreferences({ path: { user: "me" }, body: preferences.value, throwOnError: true });
    } catch (cause) {
      const error = ApiError.from(cause, undefined);
      // Nobody is signed in, or nothing answers: this browser keeps them.
      if (error.status === 401 || error.unreachable) return;
      preferences.value = before;
      throw error;
    }
  }

  return {
    language: computed(() => preferences.value.language),
    theme: computed(() => preferences.value.theme),
    time_zone: computed(() => preferences.value.time_zone),
    hours: computed(() => preferences.value.hours),
    density: computed(() => preferences.value.density),
    is_dark,
    times,
    adopt,
    set,
  };
});

function mirrored(): Preferences {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(MIRROR) ?? "{}");
    return typeof kept === "object" && kept !== null ? readable(kept) : DEFAULTS;
  } catch {
    return DEFAULTS;
  }
}

// Another version of the application, or a hand, may have written something else.
function readable(kept: object): Preferences {
  const field = (name: string): unknown => Reflect.get(kept, name);
  return {
    language: oneOf(field("language"), ["en", "de"]),
    theme: oneOf(field("theme"), ["light", "dark", "system"]) ?? DEFAULTS.theme,
    time_zone: knownZone(field("time_zone")),
    hours: oneOf(field("hours"), ["12", "24"]),
    density: oneOf(field("density"), ["comfortable", "compact"]) ?? DEFAULTS.density,
  };
}

function oneOf<T extends string>(value: unknown, allowed: readonly T[]): T | null {
  return allowed.find((each) => each === value) ?? null;
}

function knownZone(value: unknown): string | null {
  if (typeof value !== "string") return null;
  try {
    new Intl.DateTimeFormat("en", { timeZone: value }).format();
    return value;
  } catch {
    return null;
  }
}

function mirror(preferences: Preferences): void {
  try {
    localStorage.setItem(MIRROR, JSON.stringify(preferences));
  } catch {
    // A browser that refuses storage begins in the theme of its system.
  }
}
