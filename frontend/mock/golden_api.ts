// A stand-in for the API: it answers the screens with the golden examples that the server's own tests are held against.
import type { IncomingMessage, ServerResponse } from "node:http";

import type { Connect, Plugin } from "vite";

import { EXAMPLE_AT, currentSession, kinds, readExamples } from "./examples.ts";

const SCREENS: [RegExp, string][] = [
  [/^\/bff\/v1\/session$/, "SessionV1"],
  [/^\/bff\/v1\/member\/dashboard$/, "DashboardV1"],
  [/^\/bff\/v1\/member\/new$/, "NewTaskV1"],
  [/^\/bff\/v1\/(member|admin)\/tasks$/, "TasksV1"],
  [/^\/bff\/v1\/(member|admin)\/tasks\/[^/]+$/, "TaskDetailV1"],
  [/^\/bff\/v1\/(member|admin)\/batches$/, "BatchesV1"],
  [/^\/bff\/v1\/(member|admin)\/batches\/[^/]+$/, "BatchDetailV1"],
  [/^\/bff\/v1\/member\/account$/, "AccountV1"],
  [/^\/bff\/v1\/member\/schedules$/, "SchedulesV1"],
  [/^\/bff\/v1\/member\/files$/, "FilesV1"],
  [/^\/bff\/v1\/admin\/overview$/, "OverviewV1"],
  [/^\/bff\/v1\/admin\/operations$/, "OperationsV1"],
  [/^\/bff\/v1\/admin\/failures$/, "FailuresV1"],
  [/^\/bff\/v1\/admin\/users$/, "UsersV1"],
  [/^\/bff\/v1\/admin\/pending-users$/, "PendingUsersV1"],
  [/^\/bff\/v1\/admin\/settings$/, "SettingsV1"],
  [/^\/bff\/v1\/admin\/audit$/, "AuditV1"],
];
const BEAT_MILLISECONDS = 15_000;
// What screens ask the API itself for.
const RESOURCES: Record<string, () => unknown> = {
  "/api/v1/installation": () => ({ registration: "open", banner: null }),
  "/api/v1/kinds": kinds,
  "/api/v1/session": currentSession,
};

/**
 * Answers requests for screens with their golden example.
 *
 * The cookie `mock` names which one: `full` (default), `empty`, and whatever else an example has, such as `stale`. Where a screen
 * has no example of that name, its full one is given. The streams say `beat` and nothing else. Everything that changes something
 * is refused, because there is no server.
 */
export function goldenApi(): Plugin {
  return {
    name: "golden-api",
    configureServer: ({ middlewares }) => void middlewares.use(answerOr),
    configurePreviewServer: ({ middlewares }) => void middlewares.use(answerOr),
  };
}

const answerOr: Connect.NextHandleFunction = (request, response, next) => {
  if (!answer(request, response)) next();
};

function answer(request: IncomingMessage, response: ServerResponse): boolean {
  const path = (request.url ?? "/").split("?")[0] ?? "/";
  if (!/^\/(bff|api)\//.test(path)) return false;
  if (path.endsWith("/events")) return follow(request, response);
  if (request.method !== "GET") return refuse(response);
  const resource = RESOURCES[path];
  if (resource !== undefined) return send(response, resource());
  const screen = SCREENS.find(([pattern]) => pattern.test(path))?.[1];
  if (screen === undefined) return refuse(response);
  const examples = readExamples(screen);
  const wanted = /(?:^|;\s*)mock=(\w+)/.exec(request.headers.cookie ?? "")?.[1] ?? "full";
  return send(response, examples[wanted] ?? examples["full"]);
}

function send(response: ServerResponse, content: unknown): true {
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(content));
  return true;
}

function follow(request: IncomingMessage, response: ServerResponse): boolean {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  const beat = (): void => {
    response.write(`event: beat\nid: 1-1\ndata: ${JSON.stringify({ position: "1-1", at: EXAMPLE_AT })}\n\n`);
  };
  beat();
  const timer = setInterval(beat, BEAT_MILLISECONDS);
  request.on("close", () => {
    clearInterval(timer);
  });
  return true;
}

function refuse(response: ServerResponse): boolean {
  response.writeHead(503, { "Content-Type": "application/problem+json" });
  response.end(
    JSON.stringify({
      status: 503,
      error_code: "no_server",
      message: "These are examples. Nothing can be changed without a server.",
      correlation_id: "mock",
    }),
  );
  return true;
}
