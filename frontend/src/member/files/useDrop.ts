import { onScopeDispose, type Ref, ref } from "vue";

/** Take files that are dropped anywhere on the page. Return whether somebody holds some over it. */
export function useDrop(take: (files: File[]) => void): Ref<boolean> {
  const held = ref(false);
  let depth = 0;

  const has = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") === true;
  function enter(event: DragEvent): void {
    if (!has(event)) return;
    depth += 1;
    held.value = true;
  }
  function leave(event: DragEvent): void {
    if (!has(event)) return;
    depth -= 1;
    held.value = depth > 0;
  }
  function over(event: DragEvent): void {
    // Otherwise the browser would open the file in place of the page.
    if (has(event)) event.preventDefault();
  }
  function drop(event: DragEvent): void {
    if (!has(event)) return;
    event.preventDefault();
    depth = 0;
    held.value = false;
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length > 0) take(files);
  }
  const heard = { dragenter: enter, dragleave: leave, dragover: over, drop } as const;
  for (const [name, act] of Object.entries(heard)) window.addEventListener(name as keyof typeof heard, act);
  onScopeDispose(() => {
    for (const [name, act] of Object.entries(heard)) window.removeEventListener(name as keyof typeof heard, act);
  });
  return held;
}
