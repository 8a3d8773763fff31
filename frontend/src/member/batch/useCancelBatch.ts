import { computed, type ComputedRef, type Ref, ref } from "vue";

import { cancelBatch } from "@/api/core";
import type { BatchRow } from "@/api/member";
import { useFormats } from "@/design/formats";
import { useMessages } from "@/i18n";
import { type Position, useChange } from "@/live";
import { notify } from "@/shell/notify";

import messages from "./messages";

/** Cancelling a whole batch: the question, and the one request. */
export interface CancelBatch {
  open: Ref<boolean>;
  busy: Ref<boolean>;
  count: ComputedRef<number>;
  title: ComputedRef<string>;
  action: ComputedRef<string>;
  sentences: ComputedRef<string[]>;
  run: () => void;
}

/** Let somebody cancel their batch. `done` gets the position that has it. */
export function useCancelBatch(batch: () => BatchRow | null, name: () => string, done: (position: Position) => void): CancelBatch {
  const { t } = useMessages(messages);
  const formats = useFormats();
  const open = ref(false);
  const count = computed(() => {
    const counts = batch()?.counts;
    return counts === undefined ? 0 : counts.pending + counts.queued + counts.running;
  });
  const values = (): { n: number; count: string } => ({ n: count.value, count: formats.count(count.value) });
  const { run, busy } = useChange(async () => (await cancelBatch({ path: { batch: batch()?.id ?? "" }, throwOnError: true })).data, {
    done(answer) {
      open.value = false;
      notify({ text: t("cancel_done", { name: name() }) });
      done(answer.position);
    },
  });
  return {
    open,
    busy,
    count,
    title: computed(() => t("cancel_title", { name: name() })),
    action: computed(() => t("cancel_action", values())),
    sentences: computed(() => [t("cancel_says", values())]),
    run: () => void run(),
  };
}
