import { computed, type ComputedRef, onScopeDispose, ref, type Ref, shallowRef, watch } from "vue";

import { replaceSettings, type Setting, type SettingsV1 } from "@/api/admin";
import { showSettingsOptions } from "@/api/admin/@tanstack/vue-query.gen";
import type { FieldError } from "@/api/core";
import { useMessages } from "@/i18n";
import { type Screen, useChange, useScreen } from "@/live";
import { useInstallation } from "@/shell/installation";
import { notify } from "@/shell/notify";

import { bodyOf, type Conflict, conflictsOf, edit, type Edits, newestChange, rebase, settingsOf } from "./edits";
import messages from "./messages";

// No event says that somebody has changed the settings. While the page is seen it asks, and an answer without news is empty.
const ASK_MILLISECONDS = 10_000;
const CHANGED_STATUS = 412;

export interface EditedSettings {
  screen: Screen<SettingsV1>;
  edits: Ref<Edits>;
  conflicts: ComputedRef<Conflict[]>;
  /** Who has saved since the editing began; null when nobody has. */
  newer: ComputedRef<Setting["changed"]>;
  was_refused: Ref<boolean>;
  busy: Ref<boolean>;
  errors: ComputedRef<FieldError[]>;
  change: (setting: Setting, value: unknown) => void;
  /** Say that one's own value holds although somebody has changed the setting meanwhile. */
  keepMine: (setting: Setting) => void;
  discard: (setting?: Setting) => void;
  save: () => void;
}

/** The settings and what was changed of them here. They are saved all at once, unless others have saved since they were read. */
export function useSettings(): EditedSettings {
  const { t } = useMessages(messages);
  const screen = useScreen(() => showSettingsOptions());
  const { refetch } = useInstallation();
  const now = computed(() => settingsOf(screen.data.value?.groups ?? []));
  const version = computed(() => screen.data.value?.version ?? null);
  const before = shallowRef<Setting[]>([]);
  const version_before = ref<number | null>(null);
  const edits = shallowRef<Edits>(new Map());
  const was_refused = ref(false);

  watch(
    now,
    (settings) => {
      edits.value = rebase(edits.value, settings);
      if (edits.value.size === 0) begin();
    },
    { immediate: true },
  );
  function begin(): void {
    before.value = now.value;
    version_before.value = version.value;
    was_refused.value = false;
  }
  function put(next: Edits): void {
    edits.value = next;
    if (next.size === 0) begin();
  }

  const saving = useChange(
    async () => {
      const headers = { "If-Match": `"${String(version.value)}"` };
      await replaceSettings({ body: bodyOf(now.value, edits.value), headers, throwOnError: true });
    },
    {
      says: ({ status }) => status === CHANGED_STATUS,
      done() {
        put(new Map());
        notify({ text: t("saved") });
        screen.refetch();
        refetch();
      },
    },
  );
  watch(saving.error, (error) => {
    if (error?.status !== CHANGED_STATUS) return;
    was_refused.value = true;
    screen.refetch();
  });
  askWhileSeen(() => screen.refetch());

  return {
    screen,
    edits,
    conflicts: computed(() => conflictsOf(before.value, now.value, edits.value)),
    newer: computed(() => (version.value === version_before.value ? null : newestChange(now.value))),
    was_refused,
    busy: saving.busy,
    errors: computed(() => saving.error.value?.errors ?? []),
    change: (setting, value) => put(edit(edits.value, setting, value)),
    keepMine(setting) {
      before.value = before.value.map((each) => (each.key === setting.key ? setting : each));
    },
    discard(setting) {
      put(setting === undefined ? new Map() : edit(edits.value, setting, setting.value));
    },
    save: () => void saving.run(),
  };
}

function askWhileSeen(ask: () => void): void {
  const look = (): void => {
    if (document.visibilityState === "visible") ask();
  };
  const timer = setInterval(look, ASK_MILLISECONDS);
  document.addEventListener("visibilitychange", look);
  onScopeDispose(() => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", look);
  });
}
