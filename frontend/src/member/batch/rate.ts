import type { BatchRow } from "@/api/member";

/** How many tasks were over at a moment, in milliseconds. */
export interface Sample {
  at: number;
  done: number;
}

/** How fast a batch goes, and when it will be done. */
export interface Rate {
  per_second: number;
  eta_seconds: number | null;
}

// The average is over this time, and is worth something after the least time.
const AVERAGED_MILLISECONDS = 60_000;
const LEAST_MILLISECONDS = 5_000;
// At four hints a second, a minute has as many.
const SAMPLES_MAX = 256;

/** Return how many tasks of a batch are over. */
export function doneOf(batch: Pick<BatchRow, "counts">): number {
  return batch.counts.succeeded + batch.counts.failed + batch.counts.cancelled;
}

/** Return the samples with one more. When fewer tasks are over than before, because some run again, it begins anew. */
export function addSample(samples: readonly Sample[], sample: Sample): Sample[] {
  const last = samples.at(-1);
  if (last !== undefined && (sample.done < last.done || sample.at < last.at)) return [sample];
  const kept = samples.filter((each) => sample.at - each.at <= AVERAGED_MILLISECONDS).slice(1 - SAMPLES_MAX);
  return [...kept, sample];
}

/** Return the moving average at a moment; null while it is too early to say. */
export function rateOf(samples: readonly Sample[], total: number, now: number): Rate | null {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined) return null;
  const milliseconds = now - first.at;
  if (milliseconds < LEAST_MILLISECONDS) return null;
  const per_second = ((last.done - first.done) * 1000) / milliseconds;
  return { per_second, eta_seconds: per_second > 0 ? Math.max(0, total - last.done) / per_second : null };
}
