import { onScopeDispose } from "vue";
import { type RouteLocationRaw, useRouter } from "vue-router";

import { useMessages } from "@/i18n";
import { notify } from "@/shell/notify";

import messages from "./messages";

/**
 * Return what shows something that was submitted. Who has gone on to another page while it was sent is told of it there, and is not fetched
 * back from what they do by then.
 */
export function useArrival(): (title: string, to: RouteLocationRaw) => void {
  const { t } = useMessages(messages);
  const router = useRouter();
  let is_left = false;
  onScopeDispose(() => (is_left = true));

  return (title, to) => {
    if (is_left) notify({ text: t("submitted", { title }), to });
    else void router.push(to);
  };
}
