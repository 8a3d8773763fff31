import { showTask, type TaskDetailV1 } from "@/api/member";

import { OWN as OWN_TASKS } from "../tasks/own";
import type { Scope } from "../tasks/scope";

/** Whose tasks can be looked at. The page is the same for one's own and, for administrators, for those of everybody. */
export interface TaskScope extends Scope {
  showTask: (task: string, query: { at_least?: string }, signal?: AbortSignal) => Promise<TaskDetailV1>;
}

/** One's own tasks. */
export const OWN: TaskScope = {
  ...OWN_TASKS,
  showTask: async (task, query, signal) =>
    (await showTask({ path: { task }, query, ...(signal === undefined ? {} : { signal }), throwOnError: true })).data,
};
