import type { TaskDetail, Waiting } from "@/api/member";
import type { Formats } from "@/design/formats";
import type { Translate } from "@/i18n";

import type messages from "./messages";

/** Return the sentences that say why a task waits, how many are before it, and when it starts or expires. */
export function waitingWords(
  task: Pick<TaskDetail, "kind" | "state" | "attempt" | "due_at" | "expires_at">,
  waiting: Waiting | null,
  t: Translate<(typeof messages)["en"]>,
  formats: Pick<Formats, "count" | "duration" | "relative">,
  now: number,
): string[] {
  const words: string[] = [];
  if (task.attempt > 1) words.push(t("waiting.retry", { number: formats.count(task.attempt - 1) }));
  // A task that is not due says so itself, before the server does.
  const why = waiting?.why ?? (task.state === "pending" && task.due_at !== null ? "not_due" : null);
  if (why === null) words.push(t("waiting.unknown"));
  else if (why === "not_due") words.push(t("waiting.not_due", { when: task.due_at === null ? "" : formats.relative(task.due_at, now) }));
  else if (why !== "behind") words.push(t(`waiting.${why}`, { kind: task.kind }));
  const ahead = waiting?.ahead ?? null;
  if (ahead !== null && (why === "behind" || ahead > 0)) {
    words.push(waiting?.more_ahead === true ? t("waiting.more_ahead", { count: formats.count(ahead) }) : t("waiting.behind", { n: ahead }));
  }
  const eta = waiting?.eta_seconds ?? null;
  if (eta !== null && why !== "not_due") words.push(t("waiting.eta", { time: formats.duration(Math.ceil(eta)) }));
  if (task.expires_at !== null) words.push(t("waiting.expires", { when: formats.relative(task.expires_at, now) }));
  return words;
}
