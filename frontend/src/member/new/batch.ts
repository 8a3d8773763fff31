import type { AcceptedBatch, Priority } from "@/api/core";
import { ApiError } from "@/api/errors";
import { send } from "@/api/transport";

/** What holds for all tasks of a batch. */
export interface BatchTerms {
  kind: string;
  name?: string | undefined;
  priority?: Priority | undefined;
  labels?: Record<string, string> | undefined;
  max_attempts?: number | undefined;
  /** The same as the query of the request. */
  query: string;
}

/** Return the terms of a batch with their query. */
export function termsOf(kind: string, options: Omit<BatchTerms, "kind" | "query">): BatchTerms {
  const query = new URLSearchParams({ kind });
  if (options.name !== undefined) query.set("name", options.name);
  if (options.priority !== undefined) query.set("priority", options.priority);
  if (options.max_attempts !== undefined) query.set("max_attempts", String(options.max_attempts));
  for (const [label, value] of Object.entries(options.labels ?? {})) query.append("label", `${label}=${value}`);
  return { kind, ...options, query: query.toString() };
}

/** Submit a batch of inputs, one on each line. The generated client writes JSON alone, which has a far smaller limit. */
export async function submitLines(terms: BatchTerms, lines: string, key: string): Promise<AcceptedBatch> {
  let response: Response;
  try {
    response = await send(`/api/v1/batches?${terms.query}`, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/x-ndjson", "Idempotency-Key": key, "X-Headrace-CSRF": "1" },
      body: lines,
    });
  } catch (error) {
    throw ApiError.from(error, undefined);
  }
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw ApiError.from(body, response);
  return body as AcceptedBatch;
}
