import { type Ref, ref } from "vue";

import { useMessages } from "@/i18n";

import { notifyError } from "../notify";
import { useSession } from "../session";
import messages from "./messages";

/** Return what signs out, and says so when it did not. */
export function useSignOut(): { sign_out: () => Promise<void>; busy: Ref<boolean> } {
  const { t } = useMessages(messages);
  const session = useSession();
  const busy = ref(false);
  async function sign_out(): Promise<void> {
    busy.value = true;
    try {
      await session.sign_out();
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      notifyError(new Error(message), t("not_signed_out", { message }));
    } finally {
      busy.value = false;
    }
  }
  return { sign_out, busy };
}
