import { computed, watch, type ComputedRef } from "vue";

import { useForm, type Field } from "../form";
import { initialValue } from "../initial";
import { descriptionOf } from "../label";
import { resolve } from "../resolve";
import type { Shape } from "../shape";
import { GROUPS } from "./controls";
import { shapeFor } from "./fitting";

/** What a field is given. An undefined value is left out of what it is a part of. */
export interface FieldProps {
  part: unknown;
  value: unknown;
  path: string;
  label: string;
  required: boolean;
  depth: number;
  /** What makes its id another one than that of the field around it, which has the same path. */
  suffix?: string;
}

/** What a field shows. */
export interface FieldState {
  field: ComputedRef<Field>;
  shape: ComputedRef<Shape>;
  is_group: ComputedRef<boolean>;
  /** A group that nobody has asked for takes no place: it may contain itself. */
  is_absent: ComputedRef<boolean>;
  id: ComputedRef<string>;
  errors: ComputedRef<string[]>;
  description: ComputedRef<string | null>;
  /** Return what a group has when it is asked for. */
  begin: () => unknown;
}

/** Return what a field shows, and note in its form that it is shown. */
export function useField(props: Readonly<FieldProps>): FieldState {
  const form = useForm();
  const field = computed<Field>(() => {
    const { schema, nullable } = resolve(props.part, form.root());
    return { schema, nullable, required: props.required, path: props.path, label: props.label, depth: props.depth };
  });
  const shape = computed(() => shapeFor(field.value.schema, form.root(), props.value, props.depth));
  const is_group = computed(() => GROUPS.has(shape.value));
  watch(
    () => props.path,
    (path, _, onCleanup) => onCleanup(form.show(path)),
    { immediate: true },
  );
  return {
    field,
    shape,
    is_group,
    is_absent: computed(() => is_group.value && props.depth > 0 && (props.value === undefined || props.value === null)),
    id: computed(() => form.idOf(props.path) + (props.suffix ?? "")),
    // The member of a union that was chosen says what is wrong with it.
    errors: computed(() => (shape.value === "one_of" ? [] : form.errorsAt(props.path))),
    description: computed(() => (props.depth === 0 ? null : descriptionOf(field.value.schema))),
    begin() {
      const { default: _, ...schema } = field.value.schema;
      return initialValue(schema, form.root()) ?? (shape.value === "list" ? [] : {});
    },
  };
}
