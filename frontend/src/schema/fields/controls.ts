import type { Component } from "vue";

import type { Shape } from "../shape";
import ChoiceField from "./ChoiceField.vue";
import ConstantField from "./ConstantField.vue";
import DateTimeField from "./DateTimeField.vue";
import FileField from "./FileField.vue";
import JsonField from "./JsonField.vue";
import ListField from "./ListField.vue";
import MapField from "./MapField.vue";
import NumberField from "./NumberField.vue";
import ObjectField from "./ObjectField.vue";
import OneOfField from "./OneOfField.vue";
import SwitchField from "./SwitchField.vue";
import TextAreaField from "./TextAreaField.vue";
import TextField from "./TextField.vue";

// These modules and the fields that they show need each other, so this is not made before it is asked for.
const controls = (): Readonly<Record<Shape, Component>> => ({
  constant: ConstantField,
  choice: ChoiceField,
  text: TextField,
  textarea: TextAreaField,
  number: NumberField,
  switch: SwitchField,
  date_time: DateTimeField,
  date: TextField,
  file: FileField,
  list: ListField,
  object: ObjectField,
  map: MapField,
  one_of: OneOfField,
  json: JsonField,
});

/** The shapes that contain other fields. */
export const GROUPS: ReadonlySet<Shape> = new Set<Shape>(["list", "object", "map", "one_of"]);

/** Return the component for a shape. */
export function controlOf(shape: Shape): Component {
  return controls()[shape];
}
