import type { BatchDetailV1, BatchesV1, ShowBatchData, ShowBatchesData, ShowTasksData, TasksV1 } from "@/api/member";
import type { Mount } from "@/live";

/**
 * Whose tasks and batches the lists show: one's own, or, for administrators, those of everybody.
 *
 * The pages are the same. What differs is what they ask, and where their links lead.
 */
export interface Scope {
  mount: Mount;
  routes: { tasks: string; task: string; batches: string; batch: string };
  showTasks: (query: NonNullable<ShowTasksData["query"]>, signal?: AbortSignal) => Promise<TasksV1>;
  showBatches: (query: NonNullable<ShowBatchesData["query"]>, signal?: AbortSignal) => Promise<BatchesV1>;
  showBatch: (batch: string, query: NonNullable<ShowBatchData["query"]>, signal?: AbortSignal) => Promise<BatchDetailV1>;
}
