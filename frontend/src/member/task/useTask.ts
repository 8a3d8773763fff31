import { queryOptions } from "@tanstack/vue-query";
import { onScopeDispose, type Ref, ref } from "vue";

import type { TaskDetailV1 } from "@/api/member";
import { type FullTaskEvent, isFinal, isOfTask, type LiveEvent, reduceRow, type Screen, useScreen, useTaskStream } from "@/live";
import { createPace } from "@/live/pace";

import { applyEvents } from "./apply";
import type { TaskScope } from "./scope";

// As fast as anybody reads; a handler may write a thousand lines in a second.
const SHOWN_MILLISECONDS = 100;
const REFETCH_MILLISECONDS = 2_000;

const ASKED_AFTER: ReadonlySet<string> = new Set(["queued", "deferred", "stored", "finished"]);

/** The page of a task as it is now. */
export interface ShownTask extends Screen<TaskDetailV1> {
  /** It was deleted while it was shown. */
  deleted: Ref<boolean>;
}

/** Whether an event changes what only the server can say: why the task waits, and what its own stream does not tell at the moment. */
export function asksAnew(event: LiveEvent, screen: TaskDetailV1, id: string): boolean {
  const { task } = screen;
  if (isOfTask(event)) return event.task === id && event.event !== "deleted" && (task === null || isFinal(task.state));
  if (task === null || (task.state !== "pending" && task.state !== "queued")) return false;
  return event.event === "counts" || (event.event === "kind" && event.hint.kind === task.kind);
}

/** Return the page after an event as lists are told it. Only a hidden page needs it, for its title: a visible one has a stream of its own. */
export function applyBrief(screen: TaskDetailV1, event: LiveEvent): TaskDetailV1 {
  if (!isOfTask(event) || screen.task === null || event.task !== screen.task.id) return screen;
  const task = reduceRow(screen.task, event) ?? screen.task;
  return task === screen.task ? screen : { ...screen, task };
}

/** Show one task, and follow everything that happens to it while somebody looks. */
export function useTask(scope: TaskScope, id: () => string): ShownTask {
  const deleted = ref(false);
  const heard: FullTaskEvent[] = [];
  const pace = createPace(flush, () => SHOWN_MILLISECONDS);

  const screen = useScreen(
    () =>
      queryOptions({
        queryKey: [{ _id: "taskDetail", mount: scope.mount, task: id(), query: {} as { at_least?: string } }] as const,
        queryFn: ({ queryKey, signal }): Promise<TaskDetailV1> => scope.showTask(queryKey[0].task, queryKey[0].query, signal),
      }),
    {
      mount: scope.mount,
      reduce: (before, event) => {
        if (isOfTask(event) && event.event === "deleted" && event.task === id()) deleted.value = true;
        return document.hidden ? applyBrief(before, event) : before;
      },
      refetch_on: (event, before) => asksAnew(event, before, id()),
      every_ms: REFETCH_MILLISECONDS,
      onto: (answer) => applyEvents(answer, stream.recent()),
    },
  );
  const task = (): TaskDetailV1["task"] => screen.data.value?.task ?? null;

  const stream = useTaskStream(
    id,
    (event) => {
      heard.push(event);
      pace.ask();
    },
    {
      after: () => screen.data.value?.position ?? null,
      active: () => !deleted.value && task() !== null && !isFinal(task()?.state ?? "succeeded"),
      owner: () => (scope.mount === "admin" ? (task()?.owner?.id ?? null) : null),
      reset: (position) => screen.refetch(position),
    },
  );

  function flush(): void {
    const events = heard.splice(0);
    if (events.some((event) => event.event === "deleted")) deleted.value = true;
    screen.patch((before) => applyEvents(before, events));
    // Why it waits now, which files it has, and once more everything when it is over, says the server.
    const last = events.findLast((event) => ASKED_AFTER.has(event.event));
    if (last !== undefined) screen.refetch(last.position);
  }
  onScopeDispose(pace.stop);

  return { ...screen, deleted };
}
