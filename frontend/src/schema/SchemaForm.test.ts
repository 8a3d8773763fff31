import { Quasar } from "quasar";
import { mount, type DOMWrapper, type VueWrapper } from "@vue/test-utils";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextTick, shallowRef, type ShallowRef } from "vue";

import { i18n } from "@/i18n";

import { checkValue } from "./check";
import { initialValue } from "./initial";
import { equals, isObject, pointer } from "./json";
import { resolve } from "./resolve";
import type { FieldError } from "./rules";
import SchemaForm from "./SchemaForm.vue";
import { filled } from "./testing/arbitrary";
import kinds from "./testing/kinds.json";
import { SCHEMAS } from "./testing/schemas";

interface Shown {
  form: VueWrapper;
  value: ShallowRef<unknown>;
  at: (path: string) => DOMWrapper<Element>;
  press: (label: string) => Promise<void>;
}

function show(schema: object, start: unknown = initialValue(schema), errors: FieldError[] = []): Shown {
  const value = shallowRef(start);
  const form: VueWrapper = mount(SchemaForm as object, {
    global: { plugins: [i18n, Quasar] },
    attachTo: document.body,
    props: {
      schema,
      errors,
      value: start,
      "onUpdate:value": (next: unknown) => {
        value.value = next;
        void form.setProps({ value: next });
      },
    },
  });
  const at = (path: string): DOMWrapper<Element> => {
    const found = form
      .findAll("input, textarea, select, [role=radiogroup]")
      .find((each) => each.element.id.replace(/^v-\d+/u, "") === encodeURIComponent(path));
    if (found === undefined) throw new Error(`no field at ${path} in ${form.html()}`);
    return found;
  };
  const press = async (label: string): Promise<void> => {
    const button = form.findAll("button").find((each) => each.text() === label || each.attributes("aria-label") === label);
    if (button === undefined) throw new Error(`no button ${label}`);
    await button.trigger("click");
  };
  return { form, value, at, press };
}

const view = async ({ form }: Shown, name: "form" | "json"): Promise<void> => form.get(`input[value=${name}]`).setValue();
const exampleOf = (name: string): (typeof SCHEMAS)[number] => SCHEMAS.find((each) => each.name === name)!;

// A field may have the name of the one that it is in.
const SAME_NAMES = {
  schema: {
    type: "object",
    properties: { "a/b": { type: "object", properties: { "a/b": { type: "array", items: { type: "string" } } }, required: [] } },
    required: ["a/b"],
  },
  value: { "a/b": {} },
};

describe("a form of a schema", () => {
  it.each(SCHEMAS)("can be shown, as a form and as JSON, with the value that it has: $name", async ({ schema, value }) => {
    const shown = show(schema, value);
    expect(shown.form.findAll("[aria-invalid=true]")).toEqual([]);
    if (shown.form.find("input[value=json]").exists()) await view(shown, "json");
    expect(equals(JSON.parse((shown.form.get("textarea").element as HTMLTextAreaElement).value), value)).toBe(true);
    shown.form.unmount();
  });

  it("shows the fields of a real kind, the title first, with labels and their defaults", () => {
    const { form } = show(kinds.text_feedback.input_schema);
    expect(form.findAll(".sf-label").map((label) => label.text())).toEqual([
      "Form",
      "Heading optional",
      "Text optional",
      "Language optional",
      "File optional",
    ]);
    expect((form.get("select").element as HTMLSelectElement).selectedOptions[0]?.text).toBe("en");
  });

  it("says nothing of a gap before somebody asks, and then puts the focus there", async () => {
    const properties = { text: { type: "string", maxLength: 200_000 }, language: { enum: ["de", "en"], default: "en" } };
    const shown = show({ type: "object", properties, required: ["text"] });
    expect(shown.form.text()).not.toContain("This is needed.");
    expect((shown.form.vm as unknown as { validate: () => boolean }).validate()).toBe(false);
    await nextTick();
    await nextTick();
    expect(shown.form.text()).toContain("This is needed.");
    expect(document.activeElement).toBe(shown.at("/text").element);
    await shown.at("/text").setValue("Some text");
    expect(shown.form.text()).not.toContain("This is needed.");
    expect(shown.value.value).toEqual({ text: "Some text", language: "en" });
    shown.form.unmount();
  });

  it("says why nothing more can be added, and that a value needs a key", async () => {
    const schema = {
      type: "object",
      required: ["labels", "names"],
      properties: {
        labels: { type: "object", maxProperties: 2, additionalProperties: { type: "string" } },
        names: { type: "array", maxItems: 1, items: { type: "string" } },
      },
    };
    const shown = show(schema, { labels: { a: "1" }, names: [] });
    expect(shown.form.text()).not.toContain("at most");
    await shown.press("Add");
    expect(shown.form.text()).toContain("2 are possible at most.");
    await shown.press("Add an item");
    expect(shown.form.text()).toContain("One is possible at most.");
    expect(shown.form.text()).not.toContain("Without a key");
    await shown.at("/labels/").setValue("2");
    expect(shown.form.text()).toContain("Without a key it is left out.");
    expect(shown.value.value).toMatchObject({ labels: { a: "1" } });
    shown.form.unmount();
  });

  it("shows the server's errors at their fields until these change, and others below", async () => {
    const errors = [
      { path: "/text", message: "the server says no" },
      { path: "/other", message: "what is this" },
    ];
    const shown = show(kinds.text_feedback.input_schema, { text: "x" }, errors);
    expect(shown.at("/text").attributes("aria-invalid")).toBe("true");
    expect(shown.form.text()).toContain("/other what is this");
    await shown.at("/text").setValue("y");
    expect(shown.form.text()).not.toContain("the server says no");
  });

  it("leaves out what is emptied, and sends null where leaving it out would mean something else", async () => {
    const schema = {
      type: "object",
      properties: { a: { type: "integer" }, b: { anyOf: [{ type: "integer" }, { type: "null" }], default: 5 } },
    };
    const shown = show(schema, { a: 1, b: 2 });
    await shown.at("/a").setValue("");
    await shown.at("/b").setValue("");
    expect(shown.value.value).toEqual({ b: null });
  });

  it("keeps the JSON that is being written, and the form waits until it is whole", async () => {
    const shown = show(kinds.text_feedback.input_schema, { text: "x" });
    await view(shown, "json");
    const text = shown.form.get("textarea");
    await text.setValue('{\n  "text": "y",\n');
    expect(shown.form.text()).toContain("This is not JSON yet");
    expect(shown.form.get("input[value=form]").attributes("disabled")).toBeDefined();
    expect(shown.value.value).toEqual({ text: "x" });
    await text.setValue('{"text":   "y"}');
    expect(shown.value.value).toEqual({ text: "y" });
    expect((text.element as HTMLTextAreaElement).value).toBe('{"text":   "y"}');
    await view(shown, "form");
    expect((shown.at("/text").element as HTMLTextAreaElement).value).toBe("y");
  });

  it("shows a value of another type than the schema's as JSON, so that it can be mended", () => {
    const shown = show(kinds.text_feedback.input_schema, { text: { not: "text" } });
    expect((shown.at("/text").element as HTMLTextAreaElement).value).toBe('{\n  "not": "text"\n}');
  });

  it("chooses between the members of a union", async () => {
    const shown = show(exampleOf("a union with a tag").schema);
    const select = shown.form.get("select");
    expect(select.findAll("option").map((option) => option.text())).toEqual(["Circle", "Square"]);
    await select.setValue("1");
    expect(shown.value.value).toEqual({ form: { shape: "square" } });
    await shown.at("/form/side").setValue("2");
    expect(shown.value.value).toEqual({ form: { shape: "square", side: 2 } });
  });

  it("adds and removes the keys of a map", async () => {
    const shown = show(exampleOf("a map").schema);
    await shown.press("Add");
    await shown.form.get("input[aria-label=Key]").setValue("a");
    await shown.at("/weights/a").setValue("2");
    expect(shown.value.value).toEqual({ weights: { a: 2 } });
    await shown.press("Remove a");
    expect(shown.value.value).toEqual({ weights: {} });
  });

  it("opens a type that contains itself one level at a time", async () => {
    const shown = show(exampleOf("a type that contains itself").schema, { name: "a" });
    await shown.press("Add Below");
    await shown.press("Add an item");
    await shown.at("/below/0/name").setValue("b");
    expect(shown.value.value).toEqual({ name: "a", below: [{ name: "b" }] });
  });

  it("draws no more of a huge list or schema than anybody could use", () => {
    const lines = show({ type: "array", items: { type: "string" } }, Array.from({ length: 5_000 }, String));
    expect(lines.form.findAll("input, textarea").length).toBeLessThan(5);
    const wide = {
      type: "object",
      properties: Object.fromEntries(Array.from({ length: 3_000 }, (_, n) => [`f${String(n)}`, { type: "string" }])),
    };
    expect(show(wide, {}).form.findAll("input, textarea").length).toBeLessThan(5);
  });

  it("takes whatever its schema allows, and gives a value that passes", { timeout: 240_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(filled, async ({ schema, value }) => {
        const shown = show(schema);
        await fill(shown, schema, "", value);
        expect(checkValue(schema, shown.value.value)).toEqual([]);
        expect(equals(shown.value.value, value)).toBe(true);
        await view(shown, "json");
        const text = shown.form.get("textarea");
        await text.setValue((text.element as HTMLTextAreaElement).value + "\n");
        expect(equals(shown.value.value, value)).toBe(true);
        shown.form.unmount();
      }),
      { numRuns: 15, examples: [[SAME_NAMES]] },
    );
  });
});

/** The id of a label, without what tells one form from another. */
function labelId(id: string | undefined): string {
  return id?.replace(/^v-\d+/u, "") ?? "";
}

function isLabelOf(element: DOMWrapper<Element>, path: string): boolean {
  return labelId(element.attributes("id")) === `${encodeURIComponent(path)}-label`;
}

/** Write a value into a form as somebody would. */
async function fill(shown: Shown, part: unknown, path: string, value: unknown): Promise<void> {
  const { schema } = resolve(part, {});
  if (isObject(value)) {
    for (const [name, inside] of Object.entries(value)) {
      const below = (schema["properties"] as Record<string, object>)[name];
      const add = shown.form.findAll(".sf-field").find(
        (each) =>
          // Not by the end of the id: a field with the name of the one that it is in has the same.
          each.findAll("[id]").some((label) => isLabelOf(label, pointer(path, name))) && each.findAll(".sf-field").length === 0,
      );
      const button = add?.findAll("button").find((each) => each.text().startsWith("Add "));
      if (typeof inside === "object" && button !== undefined && button.text() !== "Add an item") await button.trigger("click");
      await fill(shown, below, pointer(path, name), inside);
    }
  } else if (Array.isArray(value)) {
    const group = (): DOMWrapper<Element> =>
      shown.form
        .findAll("[role=group]")
        .find((each) => labelId(each.attributes("aria-labelledby")) === `${encodeURIComponent(path)}-label`)!;
    for (const [index, item] of (value as unknown[]).entries()) {
      await group()
        .findAll("button")
        .findLast((each) => each.text() === "Add an item")!
        .trigger("click");
      await fill(shown, schema["items"], pointer(path, index), item);
    }
  } else if (Array.isArray(schema["enum"])) {
    const index = (schema["enum"] as unknown[]).findIndex((each) => equals(each, value));
    const control = shown.at(path);
    if (control.element.tagName === "SELECT") await control.setValue(String(index));
    else await control.findAll("input")[index]!.setValue();
  } else if (typeof value === "boolean") {
    const box = shown.at(path);
    await box.setValue(!value);
    await box.setValue(value);
  } else {
    await shown.at(path).setValue(String(value));
  }
}
