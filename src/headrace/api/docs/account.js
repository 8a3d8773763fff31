// The session of whoever reads this page. Its tokens are cookies, which no script can read.
import { element } from "./elements.js";

const SESSION = "/api/v1/session";
// What a page of another site cannot send: the API takes no change with a cookie and without it.
const OWN_PAGE = { "X-Headrace-CSRF": "1" };

let refreshing = null;

function send(path, options) {
  return fetch(path, { ...options, headers: { ...OWN_PAGE, ...options.headers } });
}

// Access tokens live for minutes. All requests that find theirs expired wait for the same refresh.
function refresh() {
  refreshing ??= send(SESSION, { method: "PUT" }).finally(() => { refreshing = null; });
  return refreshing;
}

// Send a request, and once more when the session had to be refreshed.
export async function call(path, options = {}) {
  const answer = await send(path, options);
  if (answer.status !== 401 || !document.body.dataset.session) return answer;
  if (!(await refresh()).ok) return answer;
  return send(path, options);
}

async function problemOf(answer) {
  try {
    return (await answer.json()).message;
  } catch {
    return `the API answered ${answer.status}`;
  }
}

function signInForm(container, said) {
  const field = (name, type, autocomplete) =>
    element("label", {}, name, element("input", { name: type, type, autocomplete, required: "" }));
  const form = element(
    "form", { class: "account" },
    field("Email", "email", "username"), field("Password", "password", "current-password"),
    element("button", {}, "Sign in"),
    element("p", { role: "alert" }, said),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(form));
    const answer = await send(SESSION, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ...given, cookies: true }),
    });
    if (answer.ok) showUser(container, await answer.json());
    else form.querySelector("[role=alert]").textContent = await problemOf(answer);
  });
  container.replaceChildren(form);
}

function showUser(container, { user }) {
  document.body.dataset.session = "access";
  const leave = element("button", {}, "Sign out");
  leave.addEventListener("click", async () => {
    await send(SESSION, { method: "DELETE" });
    document.body.dataset.session = "";
    signInForm(container, "");
  });
  const state = user.state === "active" ? user.role : user.state;
  container.replaceChildren(
    element("div", { class: "account" }, element("p", {}, `${user.email || user.display_name} (${state})`), leave));
}

// Show who is signed in, or a form to sign in with. The server says whether the browser has cookies of a session.
export async function showAccount(container) {
  const { session } = document.body.dataset;
  if (!session) return signInForm(container, "");
  const answer = session === "refresh" ? await refresh() : await call(SESSION);
  if (answer.ok) return showUser(container, await answer.json());
  document.body.dataset.session = "";
  return signInForm(container, "Your session has ended.");
}
