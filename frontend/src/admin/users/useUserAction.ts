import { ref, type Ref, shallowRef } from "vue";

import { changeUser } from "@/api/core";
import { deleteUser, endSessionsOfUser, type UserEntry } from "@/api/admin";
import { useMessages } from "@/i18n";
import { useChange } from "@/live";
import { notify } from "@/shell/notify";

import messages from "./messages";

/** What can be done to an account. */
export type UserAction = "enable" | "disable" | "promote" | "demote" | "sessions" | "remove";

/** Return what makes sense for an account, the least of it first. */
export function actionsFor({ role, state, sessions }: UserEntry): UserAction[] {
  const actions: UserAction[] = [];
  if (state === "disabled") actions.push("enable");
  if (state === "active" && role === "member") actions.push("promote");
  if (state === "active" && role === "admin") actions.push("demote");
  if (sessions > 0 && role !== "service") actions.push("sessions");
  if (state === "active") actions.push("disable");
  return [...actions, "remove"];
}

/** Something that is to be done to an account. */
export interface Asked {
  action: UserAction;
  user: UserEntry;
}

export interface AskedAction {
  /** What is asked about; kept while the dialog closes. */
  asked: Ref<Asked | null>;
  open: Ref<boolean>;
  busy: Ref<boolean>;
  reason: Ref<string>;
  ask: (action: UserAction, user: UserEntry) => void;
  confirm: () => void;
}

/** Ask before something is done to an account, do it, and say so. */
export function useUserAction(done: () => void): AskedAction {
  const { t } = useMessages(messages);
  const asked = shallowRef<Asked | null>(null);
  const open = ref(false);
  const reason = ref("");

  const change = useChange(async (action: UserAction, user: UserEntry) => {
    await act(action, user, reason.value.trim());
    open.value = false;
    notify({ text: t(`done.${action}`, { name: user.display_name }) });
    done();
  });

  return {
    asked,
    open,
    busy: change.busy,
    reason,
    ask(action, user) {
      asked.value = { action, user };
      reason.value = "";
      open.value = true;
    },
    confirm() {
      if (asked.value !== null) void change.run(asked.value.action, asked.value.user);
    },
  };
}

async function act(action: UserAction, { id }: UserEntry, reason: string): Promise<void> {
  const path = { user: id };
  if (action === "remove") await deleteUser({ path, throwOnError: true });
  else if (action === "sessions") await endSessionsOfUser({ path, throwOnError: true });
  else if (action === "promote") await changeUser({ path, body: { role: "admin" }, throwOnError: true });
  else if (action === "demote") await changeUser({ path, body: { role: "member" }, throwOnError: true });
  else if (action === "enable") await changeUser({ path, body: { state: "active" }, throwOnError: true });
  else await changeUser({ path, body: { state: "disabled", ...(reason === "" ? {} : { reason }) }, throwOnError: true });
}
