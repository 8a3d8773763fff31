import type { Attempt, AttemptEnd } from "@/api/member";

/** What an attempt did in a part of the time: it waited for a worker, ran, or was over and waited for the next one to be due. */
export interface Segment {
  what: "queued" | "ran" | "pause";
  /** In percent of the time that its run took. */
  left: number;
  width: number;
}

/** One attempt as it is drawn. */
export interface Bar {
  attempt: Attempt;
  /** How it ended, or what it does now. */
  how: AttemptEnd | "running" | "queued";
  segments: Segment[];
}

/** The attempts of one run, on one axis. */
export interface RunBars {
  run: number;
  bars: Bar[];
  /** How many earlier ones are left out. */
  earlier: number;
}

const BARS_MAX = 20;

/** Return what is drawn of the attempts, the newest run first; each run has an axis of its own, because days may lie between them. */
export function layOut(attempts: readonly Attempt[], now: number): RunBars[] {
  const runs = new Map<number, Attempt[]>();
  for (const attempt of attempts) runs.set(attempt.run, [...(runs.get(attempt.run) ?? []), attempt]);
  return [...runs].map(([run, all]) => layOutRun(run, all, now)).toReversed();
}

function layOutRun(run: number, all: Attempt[], now: number): RunBars {
  const shown = all.slice(-BARS_MAX);
  const begin = Math.min(...shown.map((attempt) => Date.parse(attempt.queued_at)));
  const until = Math.max(begin + 1, ...shown.map((attempt) => endOf(attempt, now)));
  const percent = (time: number): number => (100 * (Math.min(Math.max(time, begin), until) - begin)) / (until - begin);
  const segment = (what: Segment["what"], from: number, to: number): Segment => ({
    what,
    left: percent(from),
    width: Math.max(0, percent(to) - percent(from)),
  });
  const bars = shown.map((attempt, index) => {
    const queued = Date.parse(attempt.queued_at);
    const started = attempt.started_at === null ? null : Date.parse(attempt.started_at);
    const ended = attempt.ended_at === null ? now : Date.parse(attempt.ended_at);
    const next = shown[index + 1];
    const segments = [segment("queued", queued, started ?? ended)];
    if (started !== null) segments.push(segment("ran", started, ended));
    if (next !== undefined || attempt.next_at !== null) {
      segments.push(
        segment("pause", ended, next === undefined ? Math.max(ended, Date.parse(attempt.next_at ?? "")) : Date.parse(next.queued_at)),
      );
    }
    return { attempt, how: attempt.end ?? (started === null ? ("queued" as const) : ("running" as const)), segments };
  });
  return { run, bars, earlier: all.length - shown.length };
}

function endOf(attempt: Attempt, now: number): number {
  const ended = attempt.ended_at === null ? Math.max(now, Date.parse(attempt.queued_at)) : Date.parse(attempt.ended_at);
  return attempt.next_at === null ? ended : Math.max(ended, Date.parse(attempt.next_at));
}
