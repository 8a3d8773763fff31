import type uPlot from "uplot";

import type { ChartOptions, ColourOf, Plot } from "@/design/chart";
import { roundTop } from "@/design/series";

import { type Moment, MOMENT_MILLISECONDS, MOMENTS_MAX } from "./history";

const TICK_SECONDS = 120;

/** Returns the columns of the chart: when, what waits, what runs. */
export function lines(moments: readonly Moment[]): uPlot.AlignedData {
  return [moments.map((moment) => moment.at / 1000), moments.map((moment) => moment.waiting), moments.map((moment) => moment.running)];
}

/** Returns the options of the chart. It is ten minutes wide from the beginning, so that nothing moves but the newest end. */
export function lineOptions(
  plot: Plot,
  colour: ColourOf,
  top: () => number,
  labels: { count: (count: number) => string; time: (seconds: number) => string },
): ChartOptions {
  const width = (MOMENTS_MAX * MOMENT_MILLISECONDS) / 1000;
  const axis = { stroke: colour("muted"), font: `12px ${colour("sans")}`, ticks: { show: false } };
  const paths = plot.paths.stepped?.({ align: 1 });
  const line = { points: { show: false }, ...(paths ? { paths } : {}) };
  return {
    legend: { show: false },
    padding: [8, 8, 0, 0],
    cursor: { show: false },
    scales: {
      x: { time: false, range: (_plot, _min, max) => [max - width, max] },
      y: { range: () => [0, roundTop(top())] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24,
        gap: 4,
        splits: (_plot, _axis, min, max) => ticks(min, max),
        values: (_plot, splits) => splits.map(labels.time),
      },
      {
        ...axis,
        grid: { stroke: colour("line"), width: 1 },
        size: (_plot, values) => 16 + 7 * Math.max(1, ...(values ?? []).map((value) => value.length)),
        gap: 8,
        splits: () => [0, roundTop(top()) / 2, roundTop(top())],
        values: (_plot, splits) => splits.map(labels.count),
      },
    ],
    series: [
      {},
      // Dashed as its mark is, so that greyscale tells the lines apart.
      { ...line, stroke: colour("queued"), width: 2, dash: [6, 4] },
      { ...line, stroke: colour("running"), width: 2 },
    ],
  };
}

function ticks(min: number, max: number): number[] {
  const found = [];
  for (let at = Math.ceil(min / TICK_SECONDS) * TICK_SECONDS; at <= max; at += TICK_SECONDS) found.push(at);
  return found;
}
