import { ref, type Ref, shallowRef } from "vue";

import { deleteFile } from "@/api/core";
import type { FileEntry, FilesV1 } from "@/api/member";
import { useMessages } from "@/i18n";
import { type Change, type Screen, useChange } from "@/live";
import { notify } from "@/shell/notify";

import messages from "./messages";

/** Delete one file of a list, after somebody has said that they mean it. */
export function useDeletion(screen: Screen<FilesV1>): {
  asks: Ref<boolean>;
  chosen: Ref<FileEntry | null>;
  ask: (file: FileEntry) => void;
  deletion: Change<[FileEntry], FileEntry>;
} {
  const { t } = useMessages(messages);
  const asks = ref(false);
  const chosen = shallowRef<FileEntry | null>(null);
  const deletion = useChange(
    async (file: FileEntry) => {
      await deleteFile({ path: { file: file.id }, throwOnError: true });
      return file;
    },
    {
      done({ id, name }) {
        asks.value = false;
        notify({ text: t("deleted", { name }) });
        // The pages that were loaded stay.
        screen.patch((before) => ({ ...before, items: (before.items ?? []).filter((each) => each.id !== id) }));
        screen.refetch();
      },
    },
  );
  function ask(file: FileEntry): void {
    chosen.value = file;
    asks.value = true;
  }
  return { asks, chosen, ask, deletion };
}
