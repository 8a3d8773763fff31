// Shows the OpenAPI document.
import { showAccount } from "./account.js";
import { code, element, paragraphs } from "./elements.js";
import { tryForm } from "./try.js";

const METHODS = ["get", "post", "put", "delete"];
// What a schema may say of a value, in the words that the page uses for it.
const LIMITS = {
  format: "format", pattern: "matches", default: "default", minimum: "at least", maximum: "at most",
  exclusiveMinimum: "more than", exclusiveMaximum: "less than", minLength: "characters, at least",
  maxLength: "characters, at most", minItems: "items, at least", maxItems: "items, at most", const: "always",
};

const nameOf = (schema) => schema.$ref.split("/").pop();

function typeOf(schema) {
  if (!schema || Object.keys(schema).length === 0) return ["any JSON"];
  if (schema.$ref) return [element("a", { href: `#schema-${nameOf(schema)}` }, nameOf(schema))];
  const choices = schema.oneOf || schema.anyOf;
  if (choices) return choices.flatMap((each, index) => [...(index ? [" or "] : []), ...typeOf(each)]);
  if (schema.enum) return schema.enum.flatMap((each, index) => [...(index ? [" | "] : []), code(JSON.stringify(each))]);
  if (schema.type === "array") return ["array of ", ...typeOf(schema.items)];
  return [[schema.type].flat().join(" or ") || "any JSON"];
}

function limitsOf(schema) {
  const said = Object.entries(LIMITS).filter(([key]) => schema[key] !== undefined && schema[key] !== null);
  return said.flatMap(([key, word]) => [`; ${word} `, code(typeof schema[key] === "string" ? schema[key] : JSON.stringify(schema[key]))]);
}

const row = (name, details, ...rest) => element("tr", {}, element("td", {}, ...name), element("td", {}, ...details, ...rest));

const valueRow = (name, schema, required, note, description) =>
  row(
    [code(name), ...(required ? [" ", element("span", { class: "quiet" }, "required")] : [])],
    [element("span", { class: "quiet" }, ...typeOf(schema), ...limitsOf(schema), note)],
    ...paragraphs(description || schema.description),
  );

function table(title, rows) {
  return rows.length ? [element("h4", {}, title), element("table", {}, element("tbody", {}, ...rows))] : [];
}

const contentRows = (name, content, description) => {
  const types = Object.entries(content || {});
  if (types.length === 0) return [row([code(name)], [], ...paragraphs(description))];
  return types.map(([mediaType, { schema }]) =>
    row([code(name)], [element("span", { class: "quiet" }, `${mediaType}: `, ...typeOf(schema))], ...paragraphs(description)));
};

// Answers that several operations have stand in one place.
const answerOf = (answer, shared) => (answer.$ref ? shared[answer.$ref.split("/").pop()] : answer);

function operationSection(path, method, operation, { schemas, responses }) {
  const parameters = (operation.parameters || []).map((each) =>
    valueRow(each.name, each.schema || {}, each.required, `; ${each.in}`, each.description));
  const body = operation.requestBody ? contentRows("body", operation.requestBody.content, operation.requestBody.description) : [];
  const answers = Object.entries(operation.responses || {}).flatMap(([status, given]) => {
    const answer = answerOf(given, responses);
    return contentRows(status, answer.content, answer.description);
  });
  return element(
    "section", { id: operation.operationId },
    element("h3", {}, operation.summary || operation.operationId),
    element("p", {}, element("span", { class: `method ${method}` }, method.toUpperCase()), code(path)),
    ...paragraphs(operation.description),
    ...table("Parameters", parameters), ...table("Body", body), ...table("Answers", answers),
    tryForm(path, method, operation, schemas),
  );
}

function schemaSection(name, schema) {
  const required = new Set(schema.required || []);
  const properties = Object.entries(schema.properties || {}).map(([key, value]) =>
    valueRow(key, value, required.has(key), ""));
  return element(
    "section", { id: `schema-${name}` }, element("h3", {}, name), ...paragraphs(schema.description),
    ...(properties.length ? [] : [element("p", { class: "quiet" }, ...typeOf(schema))]), ...table("Fields", properties),
  );
}

function link(id, ...text) {
  return element("a", { href: `#${id}` }, ...text);
}

// The operations of each resource, in the order of the document.
function byResource(paths) {
  const found = new Map();
  for (const [path, operations] of Object.entries(paths)) {
    const resource = path.split("/").find((part) => part && part !== "api" && part !== "v1");
    const known = found.get(resource) || [];
    found.set(resource, known);
    for (const method of METHODS.filter((each) => operations[each])) known.push([path, method, operations[method]]);
  }
  return found;
}

function show(api) {
  const contents = document.getElementById("contents");
  const main = document.getElementById("document");
  document.title = `${api.info.title} API ${api.info.version}`;
  main.replaceChildren(
    element("h1", {}, `${api.info.title} API `, element("span", { class: "quiet" }, api.info.version)),
    ...paragraphs(api.info.description),
    element("p", {}, element("a", { href: "/api/docs/openapi.json" }, "openapi.json"), " is this document for programs."),
  );
  for (const [resource, paths] of byResource(api.paths)) {
    contents.append(element("h2", {}, resource));
    for (const [path, method, operation] of paths) {
      main.append(operationSection(path, method, operation, api.components));
      contents.append(link(operation.operationId, element("span", { class: `method ${method}` }, method.toUpperCase()), operation.summary));
    }
  }
  contents.append(element("h2", {}, "schemas"));
  for (const [name, schema] of Object.entries(api.components.schemas)) {
    main.append(schemaSection(name, schema));
    contents.append(link(`schema-${name}`, name));
  }
  // The browser looked for the fragment before there was anything to find.
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

async function load() {
  try {
    const answer = await fetch("/api/docs/openapi.json");
    if (!answer.ok) throw new Error(`the API answered ${answer.status}`);
    show(await answer.json());
  } catch (error) {
    document.getElementById("document").replaceChildren(element("p", {}, `The document cannot be shown: ${error.message}`));
  }
}

load();
showAccount(document.getElementById("account"));
