// What a program in Node does with the built client: `node typescript_client.mjs CLIENT URL KEY`. It says what it sees, a line of JSON each.
const [, , path, url, key] = process.argv;
const { createClient, ApiError, TaskFailed } = await import(path);

const say = (what, seen) => process.stdout.write(`${JSON.stringify({ what, seen })}\n`);
const failure = async (promise) => {
  const error = await promise.catch((thrown) => thrown);
  const kind = error instanceof ApiError ? "ApiError" : error instanceof TaskFailed ? "TaskFailed" : String(error);
  return { kind, code: error.code, status: error.status, detail: error.detail, state: error.task?.state };
};

// The shortest pause before a stream is opened again.
Math.random = () => 0;
const client = createClient({ url, key });

const gate = await client.submit("wait", { name: "typescript" }, { key: "typescript-1" });
const again = await client.submit("wait", { name: "typescript" }, { key: "typescript-1" });
say("same task", gate.id === again.id);

const links = [];
const events = [];
for await (const event of gate.follow({ onLink: ({ state }) => links.push(state) })) {
  events.push([event.event, event.position]);
  if (event.event === "progressed") say("progressed", gate.id);
}
say("events", events);
say("links", links);
say("result", await gate.result());

const told = await client.submit("echo_in_thread", { text: "a" });
for await (const event of told.follow()) if (event.event === "finished") say("finished", event.result.text);

const batch = await client.batch("echo", [{ text: "a" }, { text: "b" }], { name: "two" });
let newest;
for await (const view of batch.follow()) newest = view;
say("batch", [newest.state, newest.counts.succeeded, (await batch.settled()).id === newest.id]);
const lines = [];
for await (const line of batch.results()) lines.push([line.index, line.result.text]);
say("results", lines);

const closed = await client.submit("wait", { name: "typescript-never" });
say("cancelled", (await closed.cancel()).state);
say("no result", await failure(closed.result()));
say("unknown kind", await failure(client.submit("nope", {})));
say("wrong input", await failure(client.submit("echo", { text: 1 })));
say("failed", await failure((await client.submit("fail", {})).result()));
say("no task", await failure(client.task("nope").follow().next()));
say("no key", await failure(createClient({ url, key: "hr_wrong" }).submit("noop", {})));
const page = await client.request("GET", { url: "/api/v1/tasks", query: { kind: ["wait"], limit: 1 } });
say("listed", page.items.length);
