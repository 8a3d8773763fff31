import { computed, type ComputedRef, type Ref, ref } from "vue";
import { useRouter } from "vue-router";

import { deleteTask } from "@/api/core";
import type { TaskDetail } from "@/api/member";
import { useCommon, useMessages } from "@/i18n";
import { isFinal, useChange } from "@/live";
import { usePageActions } from "@/shell/actions";
import { useKeys } from "@/shell/keys";
import { notify } from "@/shell/notify";
import { useSession } from "@/shell/session";

import { WAYS } from "../new/commands";
import { changeOf } from "../tasks/bulk/target";
import { copySubmission } from "./copySubmission";
import messages from "./messages";
import type { TaskScope } from "./scope";

/** Something that is asked before it is done. */
export interface Asked {
  open: Ref<boolean>;
  busy: Ref<boolean>;
  ask: () => void;
  run: () => void;
}

/** What can be done to a task. */
export interface TaskActions {
  can: ComputedRef<{ cancel: boolean; run: boolean; edit: boolean; share: boolean }>;
  cancelling: Asked;
  running: { busy: Ref<boolean>; run: () => void };
  removing: Asked & { sentences: ComputedRef<string[]> };
  edit: () => void;
  more: ComputedRef<{ label: string; run: () => void }[]>;
}

/** Let somebody cancel, run again, edit, and delete a task, by buttons, keys and the palette. `changed` gets the position that has it. */
export function useTaskActions(task: () => TaskDetail, scope: TaskScope, changed: (position: string | null) => void): TaskActions {
  const { t } = useMessages(messages);
  const common = useCommon();
  const router = useRouter();
  const session = useSession();
  const is_over = computed(() => isFinal(task().state));
  // An administrator changes tasks of others, and cannot submit or delete for them.
  const is_own = computed(() => scope.mount === "member" || task().owner?.id === session.user?.id);
  const can = computed(() => ({ cancel: !is_over.value, run: is_over.value, edit: is_over.value && is_own.value, share: is_own.value }));

  function done(position: string | null, key: "cancel.done" | "run.done"): void {
    // The page shows what became of it; only that nothing did has to be said.
    notify({ text: t(position === null ? "too_late" : key) });
    changed(position);
  }
  const cancel_open = ref(false);
  const cancel = useChange(() => changeOf("cancel", scope.mount)(task()), {
    done(position) {
      cancel_open.value = false;
      done(position, "cancel.done");
    },
  });
  const again = useChange(() => changeOf("run", scope.mount)(task()), { done: (position) => done(position, "run.done") });
  const remove_open = ref(false);
  const remove = useChange(() => deleteTask({ path: { task: task().id }, throwOnError: true }), {
    done() {
      remove_open.value = false;
      notify({ text: t("remove.done") });
      void router.push({ name: scope.routes.tasks });
    },
  });

  const ask = (open: Ref<boolean>) => () => {
    open.value = true;
  };
  const whenCan = (which: "cancel" | "run" | "edit", act: () => void) => () => {
    if (can.value[which]) act();
  };
  const edit = (): void => void router.push({ name: "new", query: { from: task().id } });
  const run = (): void => void again.run();
  const more = computed(() => [
    ...(is_own.value && task().input.kind === "whole"
      ? WAYS.map((way) => ({ label: t(`actions.${way}`), run: () => void copySubmission(task(), way).then(told) }))
      : []),
    ...(is_over.value && is_own.value ? [{ label: t("actions.delete"), run: ask(remove_open) }] : []),
  ]);
  function told(copied: boolean): void {
    if (copied) notify({ text: t("actions.copied") });
  }

  useKeys({ c: whenCan("cancel", ask(cancel_open)) }, { label: () => t("keys.cancel") });
  useKeys({ r: whenCan("run", run) }, { label: () => t("keys.run") });
  usePageActions(() => [
    ...(can.value.cancel ? [{ label: t("cancel.action"), shortcut: "c", run: ask(cancel_open) }] : []),
    ...(can.value.run ? [{ label: t("actions.run"), shortcut: "r", run }] : []),
    ...(can.value.edit ? [{ label: t("actions.edit"), run: edit }] : []),
    ...more.value,
  ]);

  return {
    can,
    cancelling: { open: cancel_open, busy: cancel.busy, ask: ask(cancel_open), run: () => void cancel.run() },
    running: { busy: again.busy, run },
    removing: {
      open: remove_open,
      busy: remove.busy,
      ask: ask(remove_open),
      run: () => void remove.run(),
      sentences: computed(() => [task().title, t("remove.says"), common.t("cannot_undo")]),
    },
    edit,
    more,
  };
}
