// A server of one task's stream as the API is one, whose connections break as a test says.
import type { EventSourceLike } from "../src/connections.js";

/** What becomes of one connection. */
export interface Plan {
  /** How many events more the log has when it opens. */
  grows: number;
  /** How many of the oldest events have left the log when it opens. */
  trims: number;
  /** How many events before the cursor are sent again. */
  repeats: number;
  /** After how many blocks it breaks, and how. */
  blocks: number;
  how: "cut" | "ended" | "bye" | "problem" | "refused";
  /** How many bytes of a chunk. */
  chunk: number;
}

const EPOCH = 7;
const SMOOTH: Plan = {
  grows: Number.MAX_SAFE_INTEGER,
  trims: 0,
  repeats: 0,
  blocks: Number.MAX_SAFE_INTEGER,
  how: "ended",
  chunk: 1 << 16,
};

interface Block {
  event: string;
  id: string;
  data: string;
  retry?: number;
}

/** A log of so many events, and the connections to it. */
export class ModelServer {
  /** The cursors of all connections, in their order. */
  readonly asked: (string | null)[] = [];
  private known = 0;
  private trimmed = 0;

  constructor(
    readonly events: readonly string[],
    private readonly plans: Plan[],
  ) {}

  /** Return what a client has to know of the events up to a position, as an answer of the API has it. */
  upTo(position: string): string[] {
    return this.events.slice(0, Number(position.split("-")[1]));
  }

  /** Answer as `fetch` is answered. */
  fetch = (url: string, signal: AbortSignal): Promise<Response> => {
    const { plan, blocks, is_over } = this.connect(url);
    if (plan.how === "refused") return Promise.reject(new TypeError("fetch failed"));
    if (is_over) return Promise.resolve(new Response(null, { status: 204 }));
    const bytes = new TextEncoder().encode(blocks.map(written).join(""));
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (signal.aborted) controller.error(signal.reason);
        else if (sent < bytes.length) controller.enqueue(bytes.slice(sent, (sent += plan.chunk)));
        else if (plan.how === "cut") controller.error(new TypeError("terminated"));
        else controller.close();
      },
    });
    return Promise.resolve(new Response(body, { headers: { "Content-Type": "text/event-stream; charset=utf-8" } }));
  };

  /** Answer as `EventSource` is answered, which hides blocks without data and the reason of an end. */
  eventSource = (url: string): EventSourceLike => {
    const { plan, blocks, is_over } = this.connect(url);
    const listeners = new Map<string, (event: { data?: unknown; lastEventId?: string }) => void>();
    let is_closed = false;
    const is_refused = is_over || plan.how === "refused";
    const source: { readyState: number } & EventSourceLike = {
      readyState: 0,
      addEventListener: (name, listener) => listeners.set(name, listener),
      close: () => (is_closed = true),
    };
    const play = async (): Promise<void> => {
      for (const { event, id, data } of is_refused ? [] : blocks) {
        await Promise.resolve();
        if (is_closed) return;
        if (data !== "") listeners.get(event)?.({ data, lastEventId: id });
      }
      await Promise.resolve();
      source.readyState = is_refused ? 2 : 0;
      if (!is_closed) listeners.get("error")?.({});
    };
    void play();
    return source;
  };

  private connect(url: string): { plan: Plan; blocks: Block[]; is_over: boolean } {
    const plan = this.plans.shift() ?? SMOOTH;
    const after = new URL(url, "http://model").searchParams.get("after");
    this.asked.push(after);
    this.known = Math.min(this.events.length, this.known + plan.grows);
    this.trimmed = Math.min(this.known, this.trimmed + plan.trims);
    const cursor = after === null ? 0 : Number(after.split("-")[1]);
    const is_reset = cursor < this.trimmed;
    const is_over = after !== null && !is_reset && cursor === this.events.length;
    const all = [...this.blocks(plan, cursor, is_reset)];
    const is_complete = this.known === this.events.length && plan.blocks >= all.length;
    return { plan, is_over, blocks: [...all.slice(0, plan.blocks), ...lastWords(plan, is_complete)] };
  }

  private *blocks(plan: Plan, cursor: number, is_reset: boolean): Generator<Block> {
    if (is_reset) {
      yield { event: "reset", id: at(this.known), data: JSON.stringify({ reason: "gone", position: at(this.known) }) };
      return;
    }
    yield { event: "", id: at(cursor), data: "" };
    for (let sequence = Math.max(this.trimmed, cursor - plan.repeats) + 1; sequence <= this.known; sequence += 1) {
      yield { event: this.events[sequence - 1] ?? "", id: at(sequence), data: JSON.stringify({ task: "t", number: sequence }) };
    }
    yield { event: "beat", id: at(this.known), data: JSON.stringify({ position: at(this.known), at: "" }) };
  }
}

function lastWords({ how }: Plan, is_complete: boolean): Block[] {
  if (how === "bye") return [{ event: "bye", id: "", data: '{"reason":"signed_out"}' }];
  if (how === "problem") return [{ event: "problem", id: "", data: '{"status":503,"error_code":"log_unavailable","message":"wait"}' }];
  return how === "ended" && !is_complete ? [{ event: "", id: "", data: "", retry: 200 }] : [];
}

function written({ event, id, data, retry }: Block): string {
  const lines = { id, event, data, retry: retry === undefined ? "" : String(retry) };
  const given = Object.entries(lines).filter(([, value]) => value !== "");
  return `${given.map(([name, value]) => `${name}: ${value}\n`).join("")}\n`;
}

function at(sequence: number): string {
  return `${String(EPOCH)}-${String(sequence)}`;
}
