import { computed, type ComputedRef } from "vue";

import { pauseKind, resumeKind } from "@/api/admin";
import { useFormats } from "@/design/formats";
import { useMessages } from "@/i18n";
import { useChange } from "@/live";
import { notify } from "@/shell/notify";

import messages from "./messages";

/** Pauses and resumes kinds; `done` is called after each. For administrators. `waiting` is how many tasks it touches, to be said. */
export function useKindPause(done: () => void): {
  pause: (kind: string, waiting?: number) => Promise<void>;
  resume: (kind: string, waiting?: number) => Promise<void>;
  busy: ComputedRef<boolean>;
} {
  const { t } = useMessages(messages);
  const formats = useFormats();
  const pausing = useChange((kind: string) => pauseKind({ path: { kind }, throwOnError: true }), { done });
  const resuming = useChange((kind: string) => resumeKind({ path: { kind }, throwOnError: true }), { done });

  function say(what: "paused_done" | "resumed_done", kind: string, waiting: number | undefined): void {
    if (waiting === undefined) notify({ text: t(what === "paused_done" ? "was_paused" : "was_resumed", { kind }) });
    else
      notify({
        text: t(what, { kind, n: waiting, count: formats.count(waiting) }),
        to: { path: "/admin/tasks", query: { kind, state: "queued" } },
      });
  }

  return {
    busy: computed(() => pausing.busy.value || resuming.busy.value),
    async pause(kind, waiting) {
      if ((await pausing.run(kind)) !== undefined) say("paused_done", kind, waiting);
    },
    async resume(kind, waiting) {
      if ((await resuming.run(kind)) !== undefined) say("resumed_done", kind, waiting);
    },
  };
}
