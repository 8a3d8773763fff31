import { onScopeDispose, type Ref, ref, shallowRef } from "vue";

import { getSession } from "@/api/core";
import type { User } from "@/api/core";
import { ApiError } from "@/api/errors";

const OFTEN_MILLISECONDS = 10_000;
// Who has waited for so long is not in a hurry, and the page may stay open for days.
const OFTEN_TIMES = 180;
const SELDOM_MILLISECONDS = 60_000;

export interface Decision {
  user: Ref<User | null>;
  asked_at: Ref<number | null>;
  error: Ref<ApiError | null>;
  ask: () => Promise<void>;
}

/** Ask what has become of an account, every ten seconds while the page is visible, until it is approved. `approved` is called once. */
export function useDecision(approved: () => void, signed_out: () => void): Decision {
  const user = shallowRef<User | null>(null);
  const asked_at = ref<number | null>(null);
  const error = shallowRef<ApiError | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let times = 0;
  let is_over = false;

  async function ask(): Promise<void> {
    clearTimeout(timer);
    try {
      const { data } = await getSession({ throwOnError: true });
      user.value = data.user;
      asked_at.value = Date.now();
      error.value = null;
    } catch (cause) {
      error.value = ApiError.from(cause, undefined);
    }
    if (is_over) return;
    if (user.value?.state === "active") return end(approved);
    if (error.value?.status === 401) return end(signed_out);
    times += 1;
    const pause = times < OFTEN_TIMES ? OFTEN_MILLISECONDS : SELDOM_MILLISECONDS;
    if (document.visibilityState !== "hidden") timer = setTimeout(() => void ask(), pause);
  }
  function end(told: () => void): void {
    is_over = true;
    told();
  }
  const look = (): void => {
    if (document.visibilityState === "visible" && !is_over) void ask();
  };
  document.addEventListener("visibilitychange", look);
  onScopeDispose(() => {
    is_over = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", look);
  });
  void ask();
  return { user, asked_at, error, ask };
}
