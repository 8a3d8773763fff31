import { mdiCogOutline, mdiFormatListChecks, mdiKeyboardOutline, mdiPlus, mdiRunFast } from "@quasar/extras/mdi-v7";
import { useQuery } from "@tanstack/vue-query";
import { computed, type ComputedRef } from "vue";
import { useRouter } from "vue-router";

import { listKindsOptions } from "@/api/core/@tanstack/vue-query.gen";
import { useMessages } from "@/i18n";

import { page_actions } from "../actions";
import { usePlaces } from "../frame/places";
import { useTheme } from "../frame/theme";
import type { Preferences } from "../preferences";
import { type Entry, matching, taskIdIn } from "./match";
import messages from "./messages";
import { is_palette_open, openKeySheet } from "./palette";
import type { TaskSearch } from "./task_search";

const SHORTEST = 2;

/** Return what the palette offers for a query: what the page can do, screens, kinds, tasks and preferences. */
export function useEntries(query: () => string, search: TaskSearch): ComputedRef<Entry[]> {
  const { t } = useMessages(messages);
  const router = useRouter();
  const places = usePlaces();
  const theme = useTheme();
  const kinds = useQuery(computed(() => ({ ...listKindsOptions(), enabled: is_palette_open.value, staleTime: 60_000, retry: false })));
  const open = (to: string) => () => void router.push(to);

  const offered = computed<Entry[]>(() => [
    ...page_actions.value.map((action, place) => ({ icon: mdiRunFast, ...action, id: `do-${String(place)}`, group: t("this_page") })),
    ...places.value.map((place) => ({
      id: `go-${place.name}`,
      group: t("screens"),
      label: place.title,
      icon: place.icon,
      run: () => void router.push(place.to),
    })),
    ...(kinds.data.value?.items ?? []).map(({ name }) => ({
      id: `kind-${name}`,
      group: t("kinds"),
      label: t("submit", { kind: name }),
      icon: mdiPlus,
      run: () => void router.push({ path: "/new", query: { kind: name } }),
    })),
    ...preferences(),
  ]);

  function preferences(): Entry[] {
    const choices: [string, string, Partial<Preferences>][] = [
      ["light", t("theme_light"), { theme: "light" }],
      ["dark", t("theme_dark"), { theme: "dark" }],
      ["system", t("theme_system"), { theme: "system" }],
      ["en", t("english"), { language: "en" }],
      ["de", t("german"), { language: "de" }],
      ["compact", t("compact"), { density: "compact" }],
      ["comfortable", t("comfortable"), { density: "comfortable" }],
    ];
    const changes = choices.map(([id, label, change]) => ({
      id: `set-${id}`,
      group: t("settings"),
      label,
      icon: mdiCogOutline,
      run: () => {
        theme.change(change);
      },
    }));
    return [
      ...changes,
      { id: "keys", group: t("settings"), label: t("show_keys"), icon: mdiKeyboardOutline, shortcut: "?", run: openKeySheet },
    ];
  }

  const tasks = computed<Entry[]>(() => {
    const text = query().trim();
    const id = taskIdIn(text);
    const group = t("tasks");
    if (id !== null)
      return [{ id: `id-${id}`, group, label: t("open_task", { id }), icon: mdiFormatListChecks, run: open(`/tasks/${id}`) }];
    if (text.length < SHORTEST) return [];
    const rows = search.found.value.map((row) => ({
      id: `task-${row.id}`,
      group,
      label: row.title,
      note: row.kind,
      state: row.state,
      run: open(`/tasks/${row.id}`),
    }));
    const all = { id: "all", group, label: t("all_tasks", { query: text }), icon: mdiFormatListChecks };
    return [...rows, { ...all, run: () => void router.push({ path: "/tasks", query: { q: text } }) }];
  });

  return computed(() => [...matching(offered.value, query()), ...tasks.value]);
}
