import type { Series } from "@/api/member";

/** How much ended in a series, or in one of its minutes. */
export interface Ended {
  succeeded: number;
  failed: number;
}

/** Returns what ended in all minutes of a series. */
export function sumOf(series: Series): Ended {
  return { succeeded: sum(series.succeeded), failed: sum(series.failed) };
}

/**
 * Returns a series that ends with the minute of `now`, in milliseconds, to whose last minute `ended` was added.
 *
 * Minutes that have passed since are empty. A clock that is behind the series moves nothing.
 */
export function advanceSeries(series: Series, now: number, ended: Ended = { succeeded: 0, failed: 0 }): Series {
  const length = series.succeeded.length;
  const last = Date.parse(series.from) / 1000 + series.step * (length - 1);
  const steps = Math.max(0, Math.floor((now / 1000 - last) / series.step));
  if (steps === 0 && ended.succeeded === 0 && ended.failed === 0) return series;
  return {
    ...series,
    from: steps === 0 ? series.from : new Date(Date.parse(series.from) + steps * series.step * 1000).toISOString(),
    succeeded: shift(series.succeeded, steps, ended.succeeded),
    failed: shift(series.failed, steps, ended.failed),
  };
}

/** Returns the end of an axis that shows `max`: a round number that is not much larger, and even, so that its half is whole as well. */
export function roundTop(max: number): number {
  if (max <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(max));
  const steps = power === 1 ? [4, 6, 8, 10] : [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10];
  return (steps.find((step) => step * power >= max) ?? 10) * power;
}

function shift(values: number[], steps: number, more: number): number[] {
  const kept = values.slice(Math.min(steps, values.length));
  const all = [...kept, ...Array.from({ length: values.length - kept.length }, () => 0)];
  all[all.length - 1] = (all.at(-1) ?? 0) + more;
  return all;
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
