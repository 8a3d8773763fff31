import { notHeadrace } from "./errors.js";
import { EventStreamParser, type Frame } from "./eventStream.js";

/**
 * How a connection ended. `over`: there is nothing more. `ended`: the server has ended it. `cut`: it broke, or nobody knows. `refused`:
 * the browser would not open it again, and does not say why.
 */
export type Ending = "over" | "ended" | "cut" | "refused";

/** The frames of one connection, and how it ended. */
export type Frames = AsyncGenerator<Frame, Ending, undefined>;

/** Opens a connection. It ends when the signal is aborted. */
export type OpenFrames = (url: string, signal: AbortSignal) => Frames;

/** What is used of an `EventSource`. */
export interface EventSourceLike {
  readonly readyState: number;
  addEventListener: (name: string, listener: (event: { data?: unknown; lastEventId?: string }) => void) => void;
  close: () => void;
}

// No message of the log is larger than 8 MB.
const FRAME_CHARS_MAX = 32 << 20;
// A reader that is slower is cut off, and goes on where it was: what it has not read is in the log.
const WAITING_FRAMES_MAX = 1_000;
const NO_CONTENT = 204;
const CLOSED = 2;

/** Return what opens connections with `fetch`, which sends headers and says why there is no stream. */
export function framesByFetch(send: (url: string, signal: AbortSignal) => Promise<Response>): OpenFrames {
  return async function* open(url, signal) {
    const answer = await send(url, signal);
    if (answer.status === NO_CONTENT) return "over";
    if (answer.body === null || !(answer.headers.get("Content-Type") ?? "").startsWith("text/event-stream")) {
      await answer.body?.cancel();
      throw notHeadrace(answer);
    }
    const parser = new EventStreamParser();
    const reader = answer.body.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return "ended";
        yield* parser.feed(value);
        if (parser.waiting > FRAME_CHARS_MAX) throw notHeadrace(answer);
      }
    } finally {
      // It may be broken already.
      reader.cancel().catch(() => undefined);
    }
  };
}

/** Return what opens connections with `EventSource`, which alone is told of a limit or an outage in the stream. */
export function framesByEventSource(create: (url: string) => EventSourceLike, names: readonly string[]): OpenFrames {
  return async function* open(url, signal) {
    const source = create(url);
    const waiting: Frame[] = [];
    let ending: Ending | null = null;
    let wake = (): void => undefined;
    const end = (how: Ending): void => {
      source.close();
      ending ??= how;
      wake();
    };
    for (const name of names) {
      source.addEventListener(name, ({ data, lastEventId }) => {
        if (ending !== null) return;
        waiting.push({ event: name, id: lastEventId ?? "", data: String(data) });
        if (waiting.length >= WAITING_FRAMES_MAX) end("cut");
        wake();
      });
    }
    source.addEventListener("error", () => {
      end(source.readyState === CLOSED ? "refused" : "cut");
    });
    const abort = (): void => {
      end("cut");
    };
    signal.addEventListener("abort", abort);
    try {
      for (;;) {
        const frame = waiting.shift();
        if (frame !== undefined) {
          yield frame;
          continue;
        }
        // Nothing is awaited since, so no frame has come meanwhile. Listeners set it, which the compiler does not see.
        const how = ending as Ending | null;
        if (how !== null) return how;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener("abort", abort);
      source.close();
    }
  };
}
