import type { Field } from "../form";

/** What the control of a field is given. It says `change` with the new value. */
export interface ControlProps {
  /** The id of the element that takes the value. */
  control: string;
  field: Field;
  value: unknown;
  invalid: boolean;
  described?: string | undefined;
}
