import { flushPromises, mount } from "@vue/test-utils";
import { Quasar } from "quasar";
import { beforeEach, expect, it, vi } from "vitest";
import { shallowReactive } from "vue";

import { getFile } from "@/api/core";
import { ApiError } from "@/api/errors";
import { upload, uploads, type Upload } from "@/files/uploads";

import SchemaForm from "../SchemaForm.vue";

vi.mock("@/api/core", () => ({ getFile: vi.fn(), listFiles: vi.fn() }));
vi.mock("@/files/uploads", async () => {
  const { shallowRef } = await import("vue");
  return { upload: vi.fn(), uploads: shallowRef([]), dismiss: vi.fn(), goOn: vi.fn(), stop: vi.fn() };
});

const SCHEMA = {
  type: "object",
  properties: { photo: { type: "string", "x-file": true, "x-accept": ["image/*"] } },
  required: ["photo"],
};

function show(value: unknown) {
  return mount(SchemaForm, {
    props: { schema: SCHEMA, value, "onUpdate:value": (next: unknown) => shown.setProps({ value: next }) },
    attachTo: document.body,
    global: { plugins: [Quasar] },
  });
}
let shown: ReturnType<typeof show>;

async function choose(file: File): Promise<void> {
  const input = shown.find("input[type=file]");
  Object.defineProperty(input.element, "files", { value: [file], configurable: true });
  await input.trigger("change");
}

beforeEach(() => {
  vi.mocked(upload).mockReset();
  uploads.value = [];
});

it("has the id of a file that was sent from it, once the file is there", async () => {
  const source = new File(["x"], "wheel.png", { type: "image/png" });
  const one = shallowReactive<Upload>({ key: 1, name: "wheel.png", size: 1, source, id: null, state: "sending", sent: 0, error: null });
  vi.mocked(upload).mockReturnValue([one]);
  shown = show({});
  uploads.value = [one];
  await choose(source);
  expect(shown.find("[role=progressbar]").attributes("aria-label")).toBe("wheel.png");
  expect(shown.props("value")).toEqual({});
  one.id = "f1";
  one.state = "done";
  await flushPromises();
  expect(shown.props("value")).toEqual({ photo: "f1" });
  expect(shown.text()).toContain("wheel.png");
  expect(shown.find("[role=progressbar]").exists()).toBe(false);
});

it("sends no file of another type than it takes, and says which it takes", async () => {
  shown = show({});
  await choose(new File(["x"], "notes.txt", { type: "text/plain" }));
  expect(upload).not.toHaveBeenCalled();
  expect(shown.get("[role=alert]").text()).toContain("image/*");
});

it("shows the name of a file of which it is given the id, and why it is not known", async () => {
  vi.mocked(getFile).mockResolvedValueOnce({ data: { name: "wheel.png", size: 3 } } as never);
  shown = show({ photo: "f1" });
  await flushPromises();
  expect(shown.text()).toContain("wheel.png");
  vi.mocked(getFile).mockRejectedValueOnce(new ApiError(404, "file_not_found", "there is no file 'f2'"));
  await shown.setProps({ value: { photo: "f2" } });
  await flushPromises();
  expect(shown.text()).toContain("there is no file 'f2'");
});
