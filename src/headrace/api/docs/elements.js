// Elements of the page. All text is set as text, never as HTML, so nothing that the API says can become a script.

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export const code = (text) => element("code", {}, text);

// Text of the document has paragraphs, and code between backticks.
export const paragraphs = (text) =>
  (text || "").split("\n\n").filter(Boolean).map((each) =>
    element("p", {}, ...each.split("`").map((part, index) => (index % 2 ? code(part) : part))));
