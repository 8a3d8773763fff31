import type { FieldError as ApiFieldError } from "@/api/core";

import messages from "./messages";

/** What a value can break. Each is a key of `rules` in the messages. */
export type Rule =
  | "required"
  | "type_string"
  | "type_integer"
  | "type_number"
  | "type_boolean"
  | "type_array"
  | "type_object"
  | "type_null"
  | "not_null"
  | "choice"
  | "one_of"
  | "too_short"
  | "too_long"
  | "pattern"
  | "format_date_time"
  | "format_date"
  | "format_time"
  | "format_uuid"
  | "format_email"
  | "too_small"
  | "too_large"
  | "not_above"
  | "not_below"
  | "multiple"
  | "too_few"
  | "too_many"
  | "repeated"
  | "unknown"
  | "bad_key"
  | "too_few_fields"
  | "too_many_fields"
  | "too_deep";

/**
 * What is wrong with one place of a value.
 *
 * `path` is a JSON Pointer. What the server found has a `message` only; what the page found has a `rule` that is shown in the
 * reader's language, with the `limit` that it names, and its English sentence as the `message`.
 */
export interface FieldError extends ApiFieldError {
  rule?: Rule;
  limit?: number | string;
}

/** Return those of the server's errors that are about the value at `prefix` of the body, with paths that begin at that value. */
export function errorsBelow(prefix: string, errors: readonly FieldError[]): FieldError[] {
  return errors
    .filter((error) => error.path === prefix || error.path.startsWith(`${prefix}/`))
    .map((error) => ({ ...error, path: error.path.slice(prefix.length) }));
}

/** Return what a rule says in English, as the server's own messages do. */
export function sentence(rule: Rule, limit: number | string = ""): string {
  return messages.en.rules[rule].replace("{limit}", () => String(limit));
}
