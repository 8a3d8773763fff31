import type { Submission } from "@/api/core";
import type { TaskDetail } from "@/api/member";
import { copyText } from "@/design/clipboard";

import { type Way, writeSubmission } from "../new/commands";

/** Return what one would send to have the same task once more. */
export function submissionOf(task: TaskDetail): Submission {
  return {
    kind: task.kind,
    input: (task.input.kind === "whole" ? task.input.value : {}) as NonNullable<Submission["input"]>,
    ...(Object.keys(task.labels).length > 0 ? { labels: task.labels } : {}),
    ...(task.priority === "normal" ? {} : { priority: task.priority }),
    ...(task.max_attempts === null ? {} : { max_attempts: task.max_attempts }),
  };
}

/** Copy the submission of a task as a command or a program. Return whether it is in the clipboard. */
export function copySubmission(task: TaskDetail, way: Way): Promise<boolean> {
  return copyText(writeSubmission(way, location.origin, submissionOf(task)).text);
}
