import { onScopeDispose } from "vue";
import { useRouter } from "vue-router";

import { useMessages } from "@/i18n";

import { press, useKeys } from "./keys";
import { openKeySheet, openPalette } from "./palette/palette";
import messages from "./palette/messages";
import { useSession } from "./session";
import { trapTab } from "./tab_trap";

/** Listen for keys, and bind those that work on every page. */
export function useGlobalKeys(): void {
  const router = useRouter();
  const session = useSession();
  const { t } = useMessages(messages);
  const go = (path: string) => () => {
    if (session.user?.state === "active") void router.push(path);
  };
  const listen = (event: KeyboardEvent): void => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      if (session.user?.state !== "active") return;
      event.preventDefault();
      openPalette();
    } else {
      press(event);
    }
  };
  window.addEventListener("keydown", listen);
  window.addEventListener("keydown", trapTab);
  onScopeDispose(() => {
    window.removeEventListener("keydown", listen);
    window.removeEventListener("keydown", trapTab);
  });

  useKeys({ "?": openKeySheet }, { label: () => t("keys.sheet"), anywhere: true });
  useKeys({ "/": openPalette }, { label: () => t("keys.find"), anywhere: true });
  useKeys({ "g d": go("/") }, { label: () => t("keys.dashboard"), anywhere: true });
  useKeys({ "g t": go("/tasks") }, { label: () => t("keys.tasks"), anywhere: true });
  useKeys({ "g b": go("/batches") }, { label: () => t("keys.batches"), anywhere: true });
  useKeys({ "g s": go("/schedules") }, { label: () => t("keys.schedules"), anywhere: true });
  useKeys({ "g n": go("/new") }, { label: () => t("keys.new"), anywhere: true });
  useKeys({ "g a": go("/account") }, { label: () => t("keys.account"), anywhere: true });
  useKeys({ "g o": go("/admin/overview") }, { label: () => (session.is_admin ? t("keys.overview") : ""), anywhere: true });
}
