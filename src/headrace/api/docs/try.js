// "Try it": a form for each operation, which sends the request and shows the answer as it arrives.
import { call } from "./account.js";
import { element } from "./elements.js";

const SHOWN_CHARS_MAX = 200_000;

const resolve = (schema, schemas) => (schema?.$ref ? schemas[schema.$ref.split("/").pop()] : schema) || {};

// A value to begin with: what a schema says, and of an object the fields that it requires.
function example(given, schemas, depth = 0) {
  const schema = resolve(given, schemas);
  const said = schema.examples?.[0] ?? schema.default ?? schema.const ?? schema.enum?.[0];
  if (said !== undefined) return said;
  const choice = (schema.oneOf || schema.anyOf || []).find((each) => each.type !== "null");
  if (choice && depth < 5) return example(choice, schemas, depth + 1);
  if (schema.type === "object" && depth < 5) {
    const required = (schema.required || []).filter((name) => schema.properties?.[name]);
    return Object.fromEntries(required.map((name) => [name, example(schema.properties[name], schemas, depth + 1)]));
  }
  return { array: [], integer: 0, number: 0, boolean: false, string: "" }[schema.type] ?? {};
}

function parameterField(parameter) {
  const attributes = { name: `${parameter.in} ${parameter.name}`, autocomplete: "off" };
  if (parameter.required) attributes.required = "";
  return element("label", {}, `${parameter.name} (${parameter.in})`, element("input", attributes));
}

function bodyField(mediaType, content, schemas) {
  const area = element("textarea", { name: "body", rows: "6", spellcheck: "false" });
  if (mediaType === "application/json") area.value = JSON.stringify(example(content.schema, schemas), null, 2);
  return element("label", {}, `body (${mediaType})`, area);
}

function requestOf(form, path, method, operation, mediaType) {
  const query = new URLSearchParams();
  const headers = mediaType ? { "Content-Type": mediaType } : {};
  let address = path;
  for (const { name, in: place, schema } of operation.parameters || []) {
    const value = form.elements[`${place} ${name}`].value;
    if (value === "") continue;
    if (place === "path") address = address.replace(`{${name}}`, encodeURIComponent(value));
    else if (place === "header") headers[name] = value;
    else for (const each of schema?.type === "array" ? value.split(/[\s,]+/) : [value]) query.append(name, each);
  }
  const asked = query.size ? `?${query}` : "";
  return [address + asked, { method: method.toUpperCase(), headers, ...(mediaType ? { body: form.elements.body.value } : {}) }];
}

// An answer may be a stream of events that goes on for minutes.
async function showAnswer(answer, output) {
  output.textContent = `${answer.status} ${answer.statusText}\n\n`;
  if (!(answer.headers.get("Content-Type") || "").startsWith("text/event-stream")) {
    const text = await answer.text();
    try {
      output.append(JSON.stringify(JSON.parse(text), null, 2));
    } catch {
      output.append(text.slice(0, SHOWN_CHARS_MAX));
    }
    return;
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    output.append(part.value);
    if (output.textContent.length > SHOWN_CHARS_MAX) return reader.cancel();
  }
}

function fill(details, path, method, operation, schemas) {
  const [[mediaType, content] = []] = Object.entries(operation.requestBody?.content || {});
  const output = element("pre", { hidden: "" });
  const stop = element("button", { type: "button", hidden: "" }, "Stop");
  const form = element(
    "form", {}, ...(operation.parameters || []).map(parameterField),
    ...(mediaType ? [bodyField(mediaType, content, schemas)] : []),
    element("button", {}, "Send"), stop, output,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const aborting = new AbortController();
    stop.onclick = () => aborting.abort();
    stop.hidden = output.hidden = false;
    try {
      const [address, options] = requestOf(form, path, method, operation, mediaType);
      await showAnswer(await call(address, { ...options, signal: aborting.signal }), output);
    } catch (error) {
      output.append(`\n${error.message}`);
    }
    stop.hidden = true;
  });
  details.append(form);
}

// The form is made when somebody opens it: the page has a hundred of them.
export function tryForm(path, method, operation, schemas) {
  const details = element("details", { class: "try" }, element("summary", {}, "Try it"));
  details.addEventListener("toggle", () => fill(details, path, method, operation, schemas), { once: true });
  return details;
}
