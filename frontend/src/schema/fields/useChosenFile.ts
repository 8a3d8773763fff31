import { ref, type Ref, shallowRef, type ShallowRef, watch } from "vue";

import { getFile } from "@/api/core";
import { ApiError } from "@/api/errors";
import { isAccepted, mediaTypeOf } from "@/files/media_type";
import { upload, uploads, type Upload } from "@/files/uploads";

/** What is known of the file that a field has. */
export interface Known {
  id: string;
  name: string | null;
  size: number | null;
  /** Why it is not known, or cannot be used. */
  problem: string | null;
}

/** What a field for a file shows, and what is done with it. */
export interface ChosenFile {
  known: ShallowRef<Known | null>;
  /** The upload that the field waits for. */
  sending: ShallowRef<Upload | null>;
  /** The name of a file whose type is not accepted. */
  refused: Ref<string>;
  send: (files: readonly File[]) => void;
  take: (file: { id: string; name: string; size: number }) => void;
}

/** Have a file chosen by its id, or sent. `change` is told the id when the file can be used. */
export function useChosenFile(id: () => string | null, accepted: () => readonly string[], change: (id: string) => void): ChosenFile {
  const known = shallowRef<Known | null>(null);
  const sending = shallowRef<Upload | null>(null);
  const refused = ref("");

  function take({ id: of, name, size }: { id: string; name: string; size: number }): void {
    refused.value = "";
    known.value = { id: of, name, size, problem: null };
    change(of);
  }

  function send([file]: readonly File[]): void {
    refused.value = "";
    if (file === undefined) return;
    if (isAccepted(mediaTypeOf(file), accepted())) sending.value = upload([file])[0] ?? null;
    else refused.value = file.name;
  }

  watch(
    () => [sending.value?.state, uploads.value] as const,
    ([state]) => {
      const one = sending.value;
      if (one === null) return;
      if (state === "done") {
        sending.value = null;
        if (one.id !== null) take({ id: one.id, name: one.name, size: one.size });
      } else if (!uploads.value.includes(one)) {
        // Somebody has stopped it.
        sending.value = null;
      }
    },
  );

  // A task that is submitted again, and an example, have a file of which only the id is there.
  watch(
    id,
    async (now) => {
      if (known.value?.id === now) return;
      known.value = now === null ? null : { id: now, name: null, size: null, problem: null };
      if (now === null) return;
      const found = await describe(now);
      if (id() === now) known.value = found;
    },
    { immediate: true },
  );
  return { known, sending, refused, send, take };
}

async function describe(id: string): Promise<Known> {
  try {
    const { data } = await getFile({ path: { file: id }, throwOnError: true });
    return { id, name: data.name, size: data.size, problem: null };
  } catch (cause) {
    return { id, name: null, size: null, problem: ApiError.from(cause, undefined).message };
  }
}
