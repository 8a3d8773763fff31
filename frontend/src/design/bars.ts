import type uPlot from "uplot";

import type { Series } from "@/api/member";

import type { ChartOptions, ColourOf, Plot } from "./chart";
import { roundTop } from "./series";

// A bar that is lower than this share of the chart cannot be seen.
const LEAST_SHARE = 0.025;
// What is kept free below the line, so that it does not move with the first failure.
const BELOW_SHARE = 0.12;
const HALF_LABEL = 18;
const TICKS_EVERY_SECONDS = [600, 900, 1200, 1800];

/** How the axes write numbers and times, and who is told which minute the mouse is over. */
export interface BarLabels {
  count: (count: number) => string;
  time: (seconds: number) => string;
  over: (index: number | null) => void;
}

/** Returns how far the axis goes up, and how far down: what succeeded stands on the line, what failed hangs from it. */
export function reach(series: Series): { up: number; down: number } {
  const up = roundTop(Math.max(...series.succeeded));
  const failed = Math.max(...series.failed);
  return { up, down: failed <= up * BELOW_SHARE ? up * BELOW_SHARE : roundTop(failed) };
}

/** Returns the columns of the chart. Small numbers are drawn as high as can be seen. */
export function columns(series: Series): uPlot.AlignedData {
  const { up, down } = reach(series);
  const least = (up + down) * LEAST_SHARE;
  const drawn = (count: number): number | null => (count === 0 ? null : Math.max(count, least));
  const from = Date.parse(series.from) / 1000;
  return [
    series.succeeded.map((_, index) => from + index * series.step),
    series.succeeded.map(drawn),
    series.failed.map(drawn).map((height) => (height === null ? null : -height)),
  ];
}

/** Returns the options of a chart of minutes. */
export function barOptions(plot: Plot, colour: ColourOf, series: () => Series, labels: BarLabels): ChartOptions {
  const bars = plot.paths.bars?.({ size: [0.7, 14], radius: 0.1 });
  const bar = (token: string): uPlot.Series => ({
    fill: colour(token),
    width: 0,
    points: { show: false },
    ...(bars ? { paths: bars } : {}),
  });
  const axis = { stroke: colour("muted"), font: `12px ${colour("sans")}`, ticks: { show: false } };
  return {
    legend: { show: false },
    padding: [8, 0, 0, 0],
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: {
        time: false,
        range: (_plot, min, max) => [min - series().step / 2, max + series().step / 2],
      },
      y: {
        range: () => {
          const { up, down } = reach(series());
          return [-down, up];
        },
      },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24,
        gap: 4,
        splits: (chart, _axis, min, max) => timeTicks(min, max, chart.bbox.width / devicePixelRatio),
        values: (_chart, splits) => splits.map(labels.time),
      },
      {
        ...axis,
        grid: { stroke: colour("line"), width: 1 },
        size: (_chart, values) => 16 + 7 * Math.max(1, ...(values ?? []).map((value) => value.length)),
        gap: 8,
        splits: () => {
          const { up, down } = reach(series());
          const step = Math.max(up, down) / 2;
          return [-2 * step, -step, 0, step, 2 * step].filter((at) => at >= -down && at <= up);
        },
        values: (_chart, splits) => splits.map((value) => labels.count(Math.abs(value))),
      },
    ],
    series: [{}, bar("succeeded"), bar("failed")],
    hooks: {
      setCursor: [(chart) => labels.over(chart.cursor.idx ?? null)],
      // The line on which all stands.
      drawAxes: [
        (chart) => {
          const y = Math.round(chart.valToPos(0, "y", true)) + 0.5;
          chart.ctx.save();
          chart.ctx.strokeStyle = colour("faint");
          chart.ctx.lineWidth = 1;
          chart.ctx.beginPath();
          chart.ctx.moveTo(chart.bbox.left, y);
          chart.ctx.lineTo(chart.bbox.left + chart.bbox.width, y);
          chart.ctx.stroke();
          chart.ctx.restore();
        },
      ],
    },
  };
}

/** Returns the times to write below the bars: round ones, as many as have room. */
export function timeTicks(min: number, max: number, width: number, steps = TICKS_EVERY_SECONDS): number[] {
  const room = Math.max(1, Math.floor(width / 80));
  const every = steps.find((seconds) => (max - min) / seconds <= room) ?? (steps.at(-1) as number);
  const ticks = [];
  // One that is written across an end of the axis would be cut.
  const margin = ((max - min) / width) * HALF_LABEL;
  for (let at = Math.ceil((min + margin) / every) * every; at <= max - margin; at += every) ticks.push(at);
  return ticks;
}
