import { showBatchesOfEverybody, showBatchOfAnybody, showTasksOfEverybody } from "@/api/admin";
import type { Scope } from "@/member/tasks/scope";

/** The tasks and batches of all accounts, for administrators. */
export const EVERYBODY: Scope = {
  mount: "admin",
  routes: { tasks: "admin_tasks", task: "admin_task", batches: "admin_batches", batch: "admin_batch" },
  showTasks: async (query, signal) => (await showTasksOfEverybody({ query, ...withSignal(signal), throwOnError: true })).data,
  showBatches: async (query, signal) => (await showBatchesOfEverybody({ query, ...withSignal(signal), throwOnError: true })).data,
  showBatch: async (batch, query, signal) => {
    const { owner: _, ...rest } = query;
    return (await showBatchOfAnybody({ path: { batch }, query: rest, ...withSignal(signal), throwOnError: true })).data;
  },
};

function withSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
