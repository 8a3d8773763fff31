import { onScopeDispose, type Ref, ref, watch } from "vue";

/** Return a text that follows another one at most so often, for who listens to a page and cannot look away. */
export function useCalm(text: () => string, every_ms: number): Ref<string> {
  const calm = ref(text());
  let timer: ReturnType<typeof setTimeout> | undefined;
  watch(text, () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      calm.value = text();
    }, every_ms);
  });
  onScopeDispose(() => {
    clearTimeout(timer);
  });
  return calm;
}
