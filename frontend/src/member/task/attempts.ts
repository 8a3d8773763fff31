// The same fold as the server's: what the page makes of a timeline that grows is what a later answer says.
import type { Attempt, AttemptEnd, EventError, TimelineItem } from "@/api/member";

/** Return the attempts that a timeline tells of, oldest first. What says nothing about attempts is passed over. */
export function foldAttempts(timeline: readonly TimelineItem[]): Attempt[] {
  const fold = new Fold();
  for (const item of timeline) fold.apply(item);
  return fold.attempts.map((known) => {
    const { given_back, ...attempt } = known;
    void given_back;
    return attempt;
  });
}

type Known = Attempt & { given_back: number };
type Beginning = Extract<TimelineItem, { event: "queued" | "deferred" }>;
type Ending = { error?: EventError | null; run_seconds?: number | null };

class Fold {
  readonly attempts: Known[] = [];
  private run = 0;
  private is_over = true;
  private fence = 0;
  // The fences of all runs, and which events of them came: each comes once, unless the task was made anew.
  private readonly fences = new Set<number>();
  private readonly seen = new Set<string>();

  apply(item: TimelineItem): void {
    if (item.event === "queued" || item.event === "deferred") this.continue(item);
    else if (item.event === "started") this.start(item);
    else if (item.event === "finished") this.finish(item);
  }

  /** The newest attempt of the current run. */
  private get current(): Known | undefined {
    const last = this.attempts.at(-1);
    return last?.run === this.run ? last : undefined;
  }

  private continue(item: Beginning): void {
    const fence = item.data.fence ?? 0;
    if (this.isLate(item, fence)) return;
    if (this.is_over) this.beginRun();
    this.fence = fence;
    this.fences.add(fence);
    this.seen.add(`${item.event} ${String(fence)} ${String(item.attempt)}`);
    if (item.event === "queued") this.queue(item);
    else this.defer(item);
  }

  // A timer of a run that is over may fire nevertheless; but a key that the log has forgotten makes a task anew under the same id.
  private isLate(item: Beginning, fence: number): boolean {
    if (!this.fences.has(fence) || (fence === this.fence && !this.is_over)) return false;
    return !(this.is_over && item.attempt === 1 && this.seen.has(`${item.event} ${String(fence)} 1`));
  }

  private queue(item: Extract<TimelineItem, { event: "queued" }>): void {
    const current = this.current;
    if (current !== undefined && item.attempt <= current.number) return;
    this.endBefore(item.at);
    const due_at = item.data.due_at ?? null;
    // A timer may fire up to a second early. A worker gives such a task back, and is given it once more when it is due.
    this.add(item.attempt, due_at === null ? item.at : laterTime(item.at, due_at), due_at === null ? 0 : 1);
  }

  private defer(item: Extract<TimelineItem, { event: "deferred" }>): void {
    let current = this.current;
    if (current !== undefined && item.attempt <= current.number) {
      // A large event may come after its timer has fired, when the attempt that it announces is queued already.
      current = this.attempts.at(-2);
      if (current !== undefined && (current.run !== this.run || item.attempt <= current.number)) return;
    }
    if (current === undefined) return;
    if (current.end === null) end(current, item.at, "retried");
    if (current.end === "retried" && current.next_at === null) {
      current.next_at = item.data.due_at;
      noteError(current, item.data.error);
    }
  }

  private start(item: Extract<TimelineItem, { event: "started" }>): void {
    const { worker, queued_seconds, delivered } = item.data;
    if (this.is_over) {
      // A worker that was slow to say so; or, at the very beginning, one of whose task the log has forgotten the submission.
      if (this.run > 0) return;
      this.beginRun();
    }
    let current = this.current;
    if (current === undefined || item.attempt > current.number) {
      this.endBefore(item.at);
      current = this.add(item.attempt, fromMicros(micros(item.at) - Math.round(Math.max(0, queued_seconds ?? 0) * 1e6)), 0);
    }
    if (item.attempt !== current.number || current.end !== null) return;
    // The clock of whoever says when a task is due may be ahead of the log's.
    current.queued_at = earlierTime(current.queued_at, item.at);
    current.started_at = current.started_at === null ? item.at : laterTime(item.at, current.started_at);
    current.worker = worker;
    current.given = Math.max(current.given + 1, (delivered ?? 1) - current.given_back);
    current.wait_seconds = duration(queued_seconds, current.queued_at, current.started_at);
  }

  private finish(item: Extract<TimelineItem, { event: "finished" }>): void {
    if (this.is_over) {
      if (this.run > 0) return;
      this.beginRun();
    }
    this.is_over = true;
    const current = this.current;
    // It may end while the next attempt is not due, which is none yet.
    if (current === undefined || current.end !== null) return;
    if (item.attempt > current.number) this.endBefore(item.at);
    else end(current, item.at, item.data.outcome, item.data);
  }

  private beginRun(): void {
    this.run += 1;
    this.is_over = false;
  }

  private endBefore(at: string): void {
    const current = this.current;
    if (current !== undefined && current.end === null) end(current, at, "retried");
  }

  private add(number: number, queued_at: string, given_back: number): Known {
    const nothing = { started_at: null, ended_at: null, worker: null, wait_seconds: null, run_seconds: null };
    const added: Known = { run: this.run, number, queued_at, ...nothing, given: 0, given_back, end: null, error: null, next_at: null };
    this.attempts.push(added);
    return added;
  }
}

function end(attempt: Known, at: string, how: AttemptEnd, said: Ending = {}): void {
  if (attempt.started_at === null) {
    attempt.queued_at = earlierTime(attempt.queued_at, at);
    attempt.ended_at = at;
  } else {
    attempt.ended_at = laterTime(at, attempt.started_at);
    attempt.run_seconds = duration(said.run_seconds, attempt.started_at, attempt.ended_at);
  }
  attempt.end = how;
  noteError(attempt, said.error);
}

function noteError(attempt: Known, error: EventError | null | undefined): void {
  attempt.error = error ? { code: error.code, message: error.message } : null;
  if (error?.code === "worker_lost") attempt.end = "lost";
}

/** Return how long something took: as its worker has measured it, else by the log's clock. */
function duration(said: number | null | undefined, begin: string, until: string): number {
  const seconds = said === null || said === undefined ? (micros(until) - micros(begin)) / 1e6 : Math.max(said, 0);
  return Math.round(seconds * 1e6) / 1e6;
}

// Times of the log have microseconds, which a Date has not.
function micros(at: string): number {
  const fraction = /\.(\d+)/.exec(at)?.[1] ?? "";
  return Math.floor(Date.parse(at) / 1000) * 1e6 + Number(fraction.padEnd(6, "0").slice(0, 6));
}

function fromMicros(time: number): string {
  const seconds = new Date(Math.floor(time / 1e6) * 1000).toISOString().slice(0, -5);
  const fraction = ((time % 1e6) + 1e6) % 1e6;
  return fraction === 0 ? `${seconds}Z` : `${seconds}.${String(fraction).padStart(6, "0")}Z`;
}

function laterTime(one: string, other: string): string {
  return micros(other) > micros(one) ? other : one;
}

function earlierTime(one: string, other: string): string {
  return micros(other) < micros(one) ? other : one;
}
