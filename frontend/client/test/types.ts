// What the compiler accepts, and what it refuses: each line below a directive must be an error, or `tsc` complains about the directive.
import {
  type ApiError,
  type Batch,
  type ListTasksData,
  type ListTasksResponse,
  type TaskEvent,
  createClient,
  followLink,
} from "../src/index.js";
import type { Kinds } from "./kinds.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <T extends true>(): T => true as T;

const client = createClient<Kinds>({ url: "http://127.0.0.1:8080", key: () => Promise.resolve("hr_key") });

/** Kinds that are known. */
export async function known(): Promise<void> {
  const task = await client.submit("echo", { text: "one two" }, { priority: "high", run_at: new Date(), labels: { customer: "42" } });
  const result = await task.result();
  is<Equal<typeof result, Kinds["echo"]["result"]>>();
  is<Equal<typeof task.accepted.id, string>>();
  const { attempt }: { attempt: number } = result;
  void attempt;
  for await (const event of task.follow({ after: task.accepted.position })) {
    if (event.event === "progressed") is<Equal<typeof event.fraction, number>>();
    if (event.event === "finished") is<Equal<typeof event.result, Kinds["echo"]["result"] | undefined>>();
    if (event.event === "reset") is<Equal<typeof event.reason, string>>();
    is<Equal<typeof event.position, string>>();
    // @ts-expect-error -- the event has to be told apart first
    void event.fraction;
    // @ts-expect-error -- there is no such event
    void (event.event === "done");
  }

  // @ts-expect-error -- there is no such kind
  await client.submit("ecko", { text: "" });
  // @ts-expect-error -- the input has no such field
  await client.submit("echo", { text: "", txt: "" });
  // @ts-expect-error -- a field is missing
  await client.submit("echo", {});
  // @ts-expect-error -- a field is of another type
  await client.submit("echo", { text: 1 });
  // @ts-expect-error -- an empty input takes nothing
  await client.submit("noop", { text: "" });
  // @ts-expect-error -- one of these values
  await client.submit("image_variants", { image: "f", formats: ["gif"] });
  // @ts-expect-error -- a priority is one of three
  await client.submit("echo", { text: "" }, { priority: "urgent" });
  // @ts-expect-error -- spans are seconds
  await client.submit("echo", { text: "" }, { delay: "10s" });
  // @ts-expect-error -- no result of this kind has it
  void (await client.task("echo", "t").result()).words;
  // @ts-expect-error -- the result of another kind
  const other: Kinds["table_profile"]["result"] = result;
  void other;
}

/** Batches. */
export async function batches(): Promise<void> {
  const batch = await client.batch("echo", [{ text: "a" }], { name: "b", labels: { a: "b" }, key: "k" });
  const settled: Batch = await batch.settled();
  void settled;
  for await (const line of batch.results()) is<Equal<typeof line.result, Kinds["echo"]["result"] | null>>();
  // @ts-expect-error -- inputs are a list
  await client.batch("echo", { text: "a" });
  // @ts-expect-error -- one of them is wrong
  await client.batch("echo", [{ text: "a" }, { text: 1 }]);
  // @ts-expect-error -- a batch is due at once
  await client.batch("echo", [], { delay: 3 });
}

/** Kinds that are not known: every object is an input, and every result has to be looked at. */
export async function unknown(): Promise<void> {
  const any_kind = createClient({ url: "http://127.0.0.1:8080" });
  const result = await (await any_kind.submit("whatever", { a: 1 })).result();
  is<Equal<typeof result, unknown>>();
  // @ts-expect-error -- an input is an object
  await any_kind.submit("whatever", "text");
  // @ts-expect-error -- nothing is known of the result
  void result.words;
  for await (const event of followLink("/api/v1/follow/tasks/t/events"))
    is<Equal<typeof event, TaskEvent | Extract<typeof event, { event: "reset" }>>>();
}

/** Everything else that the document has. */
export async function operations(error: ApiError): Promise<void> {
  const page = await client.request<ListTasksData, ListTasksResponse>("GET", { url: "/api/v1/tasks", query: { state: ["failed"] } });
  is<Equal<(typeof page.items)[number]["title"], string>>();
  // @ts-expect-error -- another path
  await client.request<ListTasksData, ListTasksResponse>("GET", { url: "/api/v1/task" });
  // @ts-expect-error -- no such parameter
  await client.request<ListTasksData, ListTasksResponse>("GET", { url: "/api/v1/tasks", query: { stat: ["failed"] } });
  is<Equal<typeof error.retryAfter, number | null>>();
  // @ts-expect-error -- an error is not changed
  error.status = 200;
  // @ts-expect-error -- a map of kinds has inputs and results
  createClient<{ echo: { takes: string } }>();
}
