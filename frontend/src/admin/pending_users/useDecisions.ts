import { onScopeDispose, type Ref, shallowRef } from "vue";

import { decideAboutUser, type PendingUser } from "@/api/admin";
import { ApiError } from "@/api/errors";
import { useMessages } from "@/i18n";
import { notifyError } from "@/shell/notify";

import messages from "./messages";
import { PostponedDecisions } from "./postponed";

/** What was decided about somebody, and whether it can still be taken back. */
export interface Decided {
  state: "approved" | "rejected";
  sent: boolean;
}

export interface Decisions {
  /** By the id of the account. */
  decided: Ref<ReadonlyMap<string, Decided>>;
  decide: (user: PendingUser, state: Decided["state"], reason?: string) => void;
  takeBack: (user: PendingUser) => void;
}

const UNDO_MILLISECONDS = 5_000;

/**
 * Decide about accounts. A decision is sent after five seconds, in which it can be taken back, or when the page is left.
 *
 * @param done - Called when one was sent.
 */
export function useDecisions(done: () => void): Decisions {
  const { t } = useMessages(messages);
  const decided = shallowRef<ReadonlyMap<string, Decided>>(new Map());
  const postponed = new PostponedDecisions(UNDO_MILLISECONDS);

  function put(user: string, what: Decided | null): void {
    const next = new Map(decided.value);
    if (what === null) next.delete(user);
    else next.set(user, what);
    decided.value = next;
  }

  async function send(user: PendingUser, state: Decided["state"], reason: string): Promise<void> {
    put(user.id, { state, sent: true });
    try {
      const body = { state, ...(reason === "" ? {} : { reason }) };
      // A page that goes away does not wait for the answer.
      await decideAboutUser({ path: { user: user.id }, body, keepalive: true, throwOnError: true });
      done();
    } catch (cause) {
      put(user.id, null);
      const { message } = ApiError.from(cause, undefined);
      notifyError(cause, t("failed", { name: user.display_name, message }));
    }
  }

  const flush = (): void => postponed.flush();
  addEventListener("pagehide", flush);
  onScopeDispose(() => {
    removeEventListener("pagehide", flush);
    flush();
  });

  return {
    decided,
    decide(user, state, reason = "") {
      if (decided.value.has(user.id)) return;
      put(user.id, { state, sent: false });
      postponed.postpone(user.id, () => void send(user, state, reason.trim()));
    },
    takeBack(user) {
      if (postponed.takeBack(user.id)) put(user.id, null);
    },
  };
}
