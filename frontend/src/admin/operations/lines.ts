import type uPlot from "uplot";

import type { ChartOptions, ColourOf, Plot } from "@/design/chart";
import { timeTicks } from "@/design/bars";
import { roundTop } from "@/design/series";

import { type Moment, MOMENT_MILLISECONDS, MOMENTS_MAX } from "./history";

const TICKS_EVERY_SECONDS = [120, 240];
// Below the line, so that nothing lies on the axis.
const BELOW_SHARE = 0.08;

/** Returns the columns of the chart: when, what waits, what runs. */
export function lines(moments: readonly Moment[]): uPlot.AlignedData {
  return [moments.map((moment) => moment.at / 1000), moments.map((moment) => moment.waiting), moments.map((moment) => moment.running)];
}

/** Returns the options of the chart. It is ten minutes wide from the beginning, so that nothing moves but the newest end. */
export function lineOptions(
  plot: Plot,
  colour: ColourOf,
  moments: () => readonly Moment[],
  labels: { count: (count: number) => string; time: (seconds: number) => string },
): ChartOptions {
  const top = (): number => roundTop(Math.max(0, ...moments().map((moment) => Math.max(moment.waiting, moment.running))));
  const width = (MOMENTS_MAX * MOMENT_MILLISECONDS) / 1000;
  const axis = { stroke: colour("muted"), font: `12px ${colour("sans")}`, ticks: { show: false } };
  const paths = plot.paths.stepped?.({ align: 1 });
  const line = { points: { show: false }, ...(paths ? { paths } : {}) };
  return {
    legend: { show: false },
    padding: [8, 8, 0, 0],
    cursor: { show: false },
    scales: {
      x: {
        time: false,
        range: () => {
          const last = (moments().at(-1)?.at ?? 0) / 1000;
          return [last - width, last];
        },
      },
      y: { range: () => [-top() * BELOW_SHARE, top()] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24,
        gap: 4,
        splits: (chart, _axis, min, max) => timeTicks(min, max, chart.bbox.width / devicePixelRatio, TICKS_EVERY_SECONDS),
        values: (_plot, splits) => splits.map(labels.time),
      },
      {
        ...axis,
        grid: { stroke: colour("line"), width: 1 },
        size: (_plot, values) => 16 + 7 * Math.max(1, ...(values ?? []).map((value) => value.length)),
        gap: 8,
        splits: () => [0, top() / 2, top()],
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
