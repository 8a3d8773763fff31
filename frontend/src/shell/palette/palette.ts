import { ref } from "vue";

/** Whether the command palette is open. */
export const is_palette_open = ref(false);
/** Whether the sheet of keys is open. */
export const is_sheet_open = ref(false);

/** What the key that opens the palette is called on this machine. */
export const palette_key = /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘ K" : "Ctrl K";

/** Open the command palette. */
export function openPalette(): void {
  is_sheet_open.value = false;
  is_palette_open.value = true;
}

/** Open the sheet of keys. */
export function openKeySheet(): void {
  is_palette_open.value = false;
  is_sheet_open.value = true;
}
