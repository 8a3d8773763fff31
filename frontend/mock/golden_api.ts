// A stand-in for the API: it answers the screens with the golden examples that the server's own tests are held against.
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";

import type { Plugin } from "vite";

type Examples = Record<string, Record<string, unknown>>;

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
  [/^\/bff\/v1\/admin\/overview$/, "OverviewV1"],
  [/^\/bff\/v1\/admin\/operations$/, "OperationsV1"],
  [/^\/bff\/v1\/admin\/failures$/, "FailuresV1"],
  [/^\/bff\/v1\/admin\/users$/, "UsersV1"],
  [/^\/bff\/v1\/admin\/pending-users$/, "PendingUsersV1"],
  [/^\/bff\/v1\/admin\/settings$/, "SettingsV1"],
  [/^\/bff\/v1\/admin\/audit$/, "AuditV1"],
];
const BEAT_MILLISECONDS = 15_000;
// The time of all examples: by another one everything in them would have ended months ago.
const EXAMPLE_AT = "2026-03-02T09:15:00Z";

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
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        if (!answer(request, response)) next();
      });
    },
  };
}

function answer(request: IncomingMessage, response: ServerResponse): boolean {
  const path = (request.url ?? "/").split("?")[0] ?? "/";
  if (!/^\/(bff|api)\//.test(path)) return false;
  if (path.endsWith("/events")) return follow(request, response);
  const screen = SCREENS.find(([pattern]) => pattern.test(path))?.[1];
  if (screen === undefined || request.method !== "GET") return refuse(response);
  const examples = read(screen);
  const wanted = /(?:^|;\s*)mock=(\w+)/.exec(request.headers.cookie ?? "")?.[1] ?? "full";
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(examples[wanted] ?? examples["full"]));
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

function read(screen: string): Record<string, unknown> {
  const file = new URL(`../../tests/bff/golden/${screen}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as Examples[string];
}
