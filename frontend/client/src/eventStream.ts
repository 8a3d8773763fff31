/** A block of a stream of events. `event` is empty for one that only moves the cursor, or says when to come back. */
export interface Frame {
  event: string;
  /** The last id of the stream, up to this block. */
  id: string;
  data: string;
  /** Milliseconds to wait before the next connection, where the block says so. */
  retry?: number;
}

const LINE_END = /\r\n|\r|\n/;
const DIGITS = /^[0-9]{1,9}$/;

/** Parses `text/event-stream` in chunks of any size (WHATWG HTML, section 9.2.6). */
export class EventStreamParser {
  private readonly decoder = new TextDecoder();
  // The last chunk ended with a carriage return, so a line feed at the beginning of the next one belongs to it.
  private after_return = false;
  // The parts of a line that has not ended yet.
  private partial: string[] = [];
  private partial_chars = 0;
  private event = "";
  private data: string[] = [];
  private data_chars = 0;
  private retry: number | undefined;
  private has_id = false;

  /** @param id - The cursor of the connection before. */
  constructor(private id = "") {}

  /** How many characters the block has that is not complete yet. */
  get waiting(): number {
    return this.partial_chars + this.data_chars;
  }

  /** Parse the next bytes, and return the blocks that they complete. */
  feed(chunk: Uint8Array): Frame[] {
    let text = this.decoder.decode(chunk, { stream: true });
    if (text === "") return [];
    if (this.after_return && text.startsWith("\n")) text = text.slice(1);
    this.after_return = text.endsWith("\r");
    const lines = text.split(LINE_END);
    const rest = lines.pop() ?? "";
    if (lines.length > 0) {
      lines[0] = this.partial.join("") + (lines[0] ?? "");
      this.partial = [];
      this.partial_chars = 0;
    }
    this.partial.push(rest);
    this.partial_chars += rest.length;
    return lines.map((line) => this.parse(line)).filter((frame) => frame !== null);
  }

  private parse(line: string): Frame | null {
    if (line === "") return this.dispatch();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line.startsWith(" ", colon + 1) ? colon + 2 : colon + 1);
    if (field === "event") this.event = value;
    else if (field === "data") {
      this.data.push(value);
      this.data_chars += value.length + 1;
    } else if (field === "id" && !value.includes("\0")) {
      this.id = value;
      this.has_id = true;
    } else if (field === "retry" && DIGITS.test(value)) this.retry = Number(value);
    return null;
  }

  private dispatch(): Frame | null {
    const { id, event, data, retry, has_id } = this;
    this.event = "";
    this.data = [];
    this.data_chars = 0;
    this.retry = undefined;
    this.has_id = false;
    if (data.length === 0 && !has_id && retry === undefined) return null;
    const frame = { event: data.length === 0 ? "" : event || "message", id, data: data.join("\n") };
    return retry === undefined ? frame : { ...frame, retry };
  }
}
