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
 * Returns a series that ends with the minute of `now`, in milliseconds; the same one when it does already.
 *
 * Minutes that have passed since are empty. A clock that is behind the series moves nothing.
 */
export function advanceSeries(series: Series, now: number): Series {
  const steps = indexOf(series, now) - (series.succeeded.length - 1);
  if (steps <= 0) return series;
  return {
    ...series,
    from: new Date(Date.parse(series.from) + steps * series.step * 1000).toISOString(),
    succeeded: shift(series.succeeded, steps),
    failed: shift(series.failed, steps),
  };
}

/** Returns a series in which something more ended at a time, in milliseconds. What ended before its first minute changes nothing. */
export function addEnd(series: Series, at: number, outcome: "succeeded" | "failed"): Series {
  const advanced = advanceSeries(series, at);
  const index = indexOf(advanced, at);
  const count = advanced[outcome][index];
  return count === undefined ? advanced : { ...advanced, [outcome]: advanced[outcome].with(index, count + 1) };
}

/** Returns the end of an axis that shows `max`: a round number that is not much larger, and even, so that its half is whole as well. */
export function roundTop(max: number): number {
  if (max <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(max));
  const steps = power === 1 ? [4, 6, 8, 10] : [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10];
  return (steps.find((step) => step * power >= max) ?? 10) * power;
}

function indexOf(series: Series, at: number): number {
  return Math.floor((at - Date.parse(series.from)) / (series.step * 1000));
}

function shift(values: number[], steps: number): number[] {
  const kept = values.slice(Math.min(steps, values.length));
  return [...kept, ...Array.from({ length: values.length - kept.length }, () => 0)];
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
