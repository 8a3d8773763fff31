import type { Ending, Frames, OpenFrames } from "./connections.js";
import { ApiError, NOT_HEADRACE, UNREACHABLE, readProblem } from "./errors.js";
import type { Frame } from "./eventStream.js";
import { reconnectDelay } from "./pace.js";
import { type Position, isLater } from "./position.js";
import { linkTo, onWake, sleep } from "./waiting.js";

/** How a stream is. `retry_at` is when it is opened again, in milliseconds since 1970; null while that is tried. */
export type Link = { state: "live" } | { state: "reconnecting"; retry_at: number | null; error: ApiError | null };

/** How to follow. */
export interface FollowOptions {
  /** Begin after this position, as after that of a list that is shown. */
  after?: Position;
  /** Stops it: the loop throws the reason of the signal. */
  signal?: AbortSignal;
  /** How many connections in a row may fail before the loop throws. For a page that stays open, `Infinity`; 10 if it is not said. */
  reconnects?: number;
  /** Is told how the stream is, for a page that shows it. */
  onLink?: (link: Link) => void;
}

/** What is followed. */
export interface Source {
  /** Return the address of what comes after a position. */
  url: (after: Position | null) => string;
  /** The events that are given. Others are signs of life, or of a later version. */
  names: ReadonlySet<string>;
  /** The event after which the server ends the stream for good; null where there is none. */
  last: string | null;
  /** Whether a frame is what was given already. */
  isRepeat?: (frame: Frame, given: Position) => boolean;
}

/** What a stream needs of the world. */
export interface StreamWorld {
  /** Opens a connection as `EventSource` does; null where there is none, or where it would not be let in. */
  byEvents: OpenFrames | null;
  byFetch: OpenFrames;
  random: () => number;
  sleep: typeof sleep;
}

// The server says something every 15 seconds.
const SILENCE_MILLISECONDS = 45_000;
const RECONNECTS = 10;
// A server may ask for a pause, and not for one that looks like no answer at all.
const PAUSE_MILLISECONDS_MAX = 60_000;
// Of the API, or of a proxy while the API restarts; and of a limit.
const MAY_PASS: ReadonlySet<number> = new Set([0, 408, 429, 500, 502, 503, 504]);

/** Return whether a frame is not later than what was given, as one that is replayed. */
export function isNotLater(frame: Frame, given: Position): boolean {
  return !isLater(frame.id, given);
}

/**
 * Give the frames of a stream, each once and in order, also when its connection is cut.
 *
 * @throws ApiError when there is no such stream, or the connection fails too often in a row.
 */
export async function* resume(source: Source, options: FollowOptions, world: StreamWorld): AsyncGenerator<Frame, void, undefined> {
  const stream = new ResumingStream(source, options, world);
  while (!stream.is_over) {
    yield* stream.connect();
    if (!stream.is_over) await stream.pause();
  }
}

class ResumingStream {
  is_over = false;
  // What the stream goes on after, and what was given last: beats move only the first.
  private cursor: Position | null;
  private given: Position | null;
  private failures = 0;
  private failure: ApiError | null = null;
  private retry: number | null = null;
  // The last event was given. Only the server knows whether it is the end, because a task may run again.
  private has_ended = false;
  private has_just_ended = false;
  private needs_reason = false;
  private is_live = false;

  constructor(
    private readonly source: Source,
    private readonly options: FollowOptions,
    private readonly world: StreamWorld,
  ) {
    this.cursor = this.given = options.after ?? null;
  }

  /** Give the frames of one connection, to its end. */
  async *connect(): AsyncGenerator<Frame, void, undefined> {
    const { signal } = this.options;
    const { controller, release } = linkTo(signal);
    this.failure = this.retry = null;
    this.is_live = this.has_just_ended = false;
    const by_events = this.needs_reason ? null : this.world.byEvents;
    try {
      const frames = (by_events ?? this.world.byFetch)(this.source.url(this.cursor), controller.signal);
      for (;;) {
        const next = await nextFrame(frames, controller);
        if (next.done === true) {
          this.judge(next.value);
          return;
        }
        if (!this.accept(next.value)) continue;
        yield next.value;
        signal?.throwIfAborted();
      }
    } catch (cause) {
      signal?.throwIfAborted();
      this.failure = ApiError.unreachable(cause);
    } finally {
      release();
      controller.abort();
    }
  }

  /** Wait before the next connection. */
  async pause(): Promise<void> {
    const { failure, options } = this;
    options.signal?.throwIfAborted();
    // It did not fail: the other way to connect gives the reason.
    if (failure === null) return;
    this.failures += 1;
    if (isUseless(failure) || this.failures >= (options.reconnects ?? RECONNECTS)) {
      // The end was given, so it does not matter what is wrong now.
      if (!this.has_ended) throw failure;
      this.is_over = true;
      return;
    }
    // Whether it was the end is asked at once.
    if (this.has_just_ended) return;
    const asked = Math.max(this.retry ?? 0, (failure.retryAfter ?? 0) * 1000);
    const delay = Math.max(reconnectDelay(this.failures - 1, this.world.random), Math.min(asked, PAUSE_MILLISECONDS_MAX));
    options.onLink?.({ state: "reconnecting", retry_at: Date.now() + delay, error: failure });
    await this.world.sleep(delay, options.signal, onWake);
    options.onLink?.({ state: "reconnecting", retry_at: null, error: failure });
  }

  /** Decide what the end of a connection means. */
  private judge(ending: Ending): void {
    // A server that has more to say, and stops because it has to, says when to come back.
    this.is_over = ending === "over" || (ending === "ended" && this.has_ended && this.retry === null);
    if (ending === "refused") this.needs_reason = true;
    else this.failure = new ApiError(0, UNREACHABLE, "the stream of events was cut");
  }

  /** Take note of a frame, and return whether it is to be given. */
  private accept(frame: Frame): boolean {
    this.retry = frame.retry ?? this.retry;
    if (frame.event === "problem") throw problemOf(frame);
    if (frame.event === "bye") {
      // Whether another connection may begin is said in the answer to it.
      this.needs_reason = true;
      throw new ApiError(0, UNREACHABLE, `the server ended the stream: ${frame.data}`);
    }
    this.live();
    if (frame.id !== "") this.cursor = frame.id;
    if (frame.event === "reset") {
      this.has_ended = false;
      this.given = this.cursor;
      return true;
    }
    if (!this.source.names.has(frame.event)) return false;
    if (this.given !== null && (this.source.isRepeat ?? isNotLater)(frame, this.given)) return false;
    this.given = frame.id;
    this.has_ended = this.has_just_ended = frame.event === this.source.last;
    return true;
  }

  private live(): void {
    this.failures = 0;
    if (this.is_live) return;
    this.is_live = true;
    this.options.onLink?.({ state: "live" });
  }
}

function isUseless(failure: ApiError): boolean {
  return !MAY_PASS.has(failure.status) || failure.code === NOT_HEADRACE;
}

/** Return the next frame of a connection, and give the connection up when it is silent for too long. */
async function nextFrame(frames: Frames, controller: AbortController): Promise<IteratorResult<Frame, Ending>> {
  const timer = setTimeout(() => {
    controller.abort(new ApiError(0, UNREACHABLE, `nothing was heard for ${String(SILENCE_MILLISECONDS / 1000)} seconds`));
  }, SILENCE_MILLISECONDS);
  try {
    return await frames.next();
  } finally {
    clearTimeout(timer);
  }
}

function problemOf({ data }: Frame): ApiError {
  const problem = readProblem(data);
  return problem === null ? new ApiError(0, NOT_HEADRACE, "a problem was told that cannot be read") : ApiError.ofProblem(problem);
}
