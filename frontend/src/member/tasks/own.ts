import { showBatch, showBatches, showTasks } from "@/api/member";

import type { Scope } from "./scope";

/** One's own tasks and batches. */
export const OWN: Scope = {
  mount: "member",
  routes: { tasks: "tasks", task: "task", batches: "batches", batch: "batch" },
  showTasks: async (query, signal) => (await showTasks({ query, ...withSignal(signal), throwOnError: true })).data,
  showBatches: async (query, signal) => (await showBatches({ query, ...withSignal(signal), throwOnError: true })).data,
  showBatch: async (batch, query, signal) => (await showBatch({ path: { batch }, query, ...withSignal(signal), throwOnError: true })).data,
};

function withSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
