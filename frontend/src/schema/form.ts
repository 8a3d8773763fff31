import { inject, provide, type InjectionKey } from "vue";

import type { Schema } from "./json";
import { own } from "./json";

/** What the fields of one form share. */
export interface FormContext {
  root: () => Schema;
  disabled: () => boolean;
  /** What is wrong with a place, in words; nothing while nobody has been there. */
  errorsAt: (path: string) => string[];
  /** Note that somebody has given a value at a place. */
  touch: (path: string) => void;
  /** Note that a place is shown, until the function that is returned is called. */
  show: (path: string) => () => void;
  idOf: (path: string) => string;
}

/** One field: what it may be, and where it is. */
export interface Field {
  schema: Schema;
  nullable: boolean;
  required: boolean;
  path: string;
  label: string;
  depth: number;
}

const FORM: InjectionKey<FormContext> = Symbol("form of a schema");

export function provideForm(context: FormContext): void {
  provide(FORM, context);
}

export function useForm(): FormContext {
  const context = inject(FORM);
  if (context === undefined) throw new Error("a field is shown outside of SchemaForm");
  return context;
}

/**
 * Return the value of a field that somebody has emptied; undefined leaves it out.
 *
 * A field that is left out has its default, so where that says something, null is sent, or an empty text.
 */
export function emptied(field: Field, is_text = false): unknown {
  const written = own(field.schema, "default");
  const says_nothing = written === undefined || written === null || written === "";
  if (!field.required && says_nothing) return undefined;
  if (field.nullable) return null;
  return is_text && !field.required ? "" : undefined;
}
