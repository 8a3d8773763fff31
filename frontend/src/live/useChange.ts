import { type Ref, ref, shallowRef } from "vue";

import { ApiError } from "@/api/errors";
import { notifyError } from "@/shell/notify";

/** A change that a page makes, and how it goes. */
export interface Change<Vars extends unknown[], Answer> {
  run: (...vars: Vars) => Promise<Answer | undefined>;
  busy: Ref<boolean>;
  error: Ref<ApiError | null>;
}

/**
 * Run a change, one at a time. When it fails, people are told why, and `run` gives nothing.
 *
 * @param change - Makes the change, and returns its answer.
 * @param options - `done` is called with the answer, as to refetch at least the position that it has. `says` tells whether the page itself
 *   says what is wrong; then no notice does.
 */
export function useChange<Vars extends unknown[], Answer>(
  change: (...vars: Vars) => Promise<Answer>,
  options: { done?: (answer: Answer) => void; says?: (error: ApiError) => boolean } = {},
): Change<Vars, Answer> {
  const busy = ref(false);
  const error = shallowRef<ApiError | null>(null);

  async function run(...vars: Vars): Promise<Answer | undefined> {
    if (busy.value) return undefined;
    busy.value = true;
    error.value = null;
    try {
      const answer = await change(...vars);
      options.done?.(answer);
      return answer;
    } catch (cause) {
      error.value = ApiError.from(cause, undefined);
      if (options.says?.(error.value) !== true) notifyError(error.value);
      return undefined;
    } finally {
      busy.value = false;
    }
  }

  return { run, busy, error };
}
