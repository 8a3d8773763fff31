import { checkValue } from "@/schema/check";
import { initialValue } from "@/schema/initial";

import { INPUTS } from "./commands";

/** Returns an input to try a kind with: the example of its schema where that is complete, or what an untouched form has. */
export function inputToTry(kind: string, schema: unknown, example: unknown): unknown {
  if (example !== null && example !== undefined && checkValue(schema, example).length === 0) return example;
  return INPUTS[kind] ?? initialValue(schema) ?? {};
}
