import { computed, shallowReactive, shallowRef, watch, type ComputedRef } from "vue";

import { checkValue } from "./check";
import type { FormContext } from "./form";
import type { FieldError } from "./rules";

/** What is wrong with the value of a form, and what of it is shown. */
export interface FormErrors extends Pick<FormContext, "touch" | "show"> {
  /** Whether the page finds nothing wrong. */
  is_right: ComputedRef<boolean>;
  shown: ComputedRef<FieldError[]>;
  /** Of those, the ones that are about a place where no field is. */
  elsewhere: ComputedRef<FieldError[]>;
  showAll: () => void;
}

/**
 * Follow what is wrong with a value. It is shown where somebody has been, and everywhere after `showAll`.
 *
 * What the server found is shown until the value at its place changes.
 */
export function useFormErrors(schema: () => unknown, value: () => unknown, refused: () => readonly FieldError[]): FormErrors {
  const touched = shallowReactive(new Set<string>());
  const mended = shallowReactive(new Set<string>());
  const fields = shallowReactive(new Map<string, number>());
  const shows_all = shallowRef(false);
  const found = computed(() => checkValue(schema(), value()));
  const shown = computed(() => [
    ...found.value.filter((error) => shows_all.value || touched.has(error.path)),
    ...refused().filter((error) => !mended.has(error.path)),
  ]);
  watch(refused, () => mended.clear());
  watch(schema, () => {
    touched.clear();
    shows_all.value = false;
  });
  return {
    is_right: computed(() => found.value.length === 0),
    shown,
    elsewhere: computed(() => shown.value.filter((error) => !fields.has(error.path))),
    showAll: () => (shows_all.value = true),
    touch(path) {
      touched.add(path);
      mended.add(path);
    },
    show(path) {
      fields.set(path, (fields.get(path) ?? 0) + 1);
      return () => {
        const left = (fields.get(path) ?? 1) - 1;
        if (left > 0) fields.set(path, left);
        else fields.delete(path);
      };
    },
  };
}
