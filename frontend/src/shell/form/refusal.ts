import { computed, type ComputedRef, onScopeDispose, type Ref, ref, shallowRef } from "vue";

import { ApiError } from "@/api/errors";
import { useFormats } from "@/design/formats";
import { useMessages } from "@/i18n";

import messages from "./messages";

/** How a form is sent, and why it was refused. */
export interface Sending {
  busy: Ref<boolean>;
  error: Ref<ApiError | null>;
  /** What was refused of the whole form, in words. */
  sentence: ComputedRef<string>;
  /** Whether sending again makes no sense yet. */
  must_wait: ComputedRef<boolean>;
  /** What was refused of one field, which is named as in the body. */
  fieldError: (field: string) => string | undefined;
  /** Send it. Return whether that was done; when not, `error` says why. */
  send: (act: () => Promise<unknown>) => Promise<boolean>;
}

/** Send a form to the API once at a time. `words` say a refusal by its code; other ones are said as the API does. */
export function useSending(words: (error: ApiError) => string | null = () => null): Sending {
  const { t } = useMessages(messages);
  const formats = useFormats();
  const busy = ref(false);
  const error = shallowRef<ApiError | null>(null);
  const left = ref(0);
  let timer: ReturnType<typeof setInterval> | undefined;
  onScopeDispose(() => {
    clearInterval(timer);
  });

  function countDown(seconds: number): void {
    clearInterval(timer);
    left.value = Math.ceil(seconds);
    if (left.value <= 0) return;
    timer = setInterval(() => {
      left.value -= 1;
      if (left.value > 0) return;
      clearInterval(timer);
      error.value = null;
    }, 1_000);
  }

  async function send(act: () => Promise<unknown>): Promise<boolean> {
    if (busy.value) return false;
    busy.value = true;
    error.value = null;
    try {
      await act();
      return true;
    } catch (cause) {
      const refused = ApiError.from(cause, undefined);
      error.value = refused;
      countDown(refused.status === 429 ? (refused.retry_after ?? 0) : 0);
      return false;
    } finally {
      busy.value = false;
    }
  }

  const sentence = computed(() => {
    const refused = error.value;
    if (refused === null) return "";
    if (left.value > 0) return t("too_many", { time: formats.duration(left.value) });
    const own = words(refused);
    if (own !== null) return own;
    if (refused.unreachable) return t("unreachable");
    if (refused.status === 503) return t("away");
    // What belongs to fields is said there.
    return refused.errors.length > 0 ? "" : refused.message;
  });
  return {
    busy,
    error,
    sentence,
    must_wait: computed(() => left.value > 0),
    fieldError: (field) => error.value?.errors.find((each) => each.path === `/${field}`)?.message,
    send,
  };
}
