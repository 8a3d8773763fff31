import { ApiError, notHeadrace } from "./errors.js";
import { linkTo, sleep } from "./waiting.js";

/** The key that requests are sent with, or what returns it, as for tokens that are valid for a while. */
export type Key = string | (() => string | Promise<string>);

/** What a client needs to know. */
export interface ConnectionOptions {
  /** Where the API is, as `https://headrace.example.com`. In a page, its own origin when it is left out. */
  url?: string;
  /** An API key, sent as `Authorization: Bearer`. A page that has a session, or a link, has none. */
  key?: Key;
  /** Sends the requests, and streams too, instead of the global one. */
  fetch?: typeof fetch;
  /** For pages: whether cookies are sent, as `fetch` calls it. Those of a page's own origin are, if it is not said. */
  credentials?: "omit" | "same-origin" | "include";
  /** How often a request that does no harm twice is sent before its error is thrown; 10 if it is not said. */
  attempts?: number;
}

/** An operation, as the types `…Data` of the API describe it. */
export interface Operation {
  url: string;
  path?: Record<string, string | number>;
  query?: Record<string, unknown>;
  body?: unknown;
}

/** A request for an operation. */
export type CallOf<Data extends Operation> = Pick<Data, Extract<keyof Data, "url" | "path" | "query" | "body">> & CallOptions;

/** How a request is sent. */
export interface CallOptions {
  /** The Idempotency-Key: the same key and body are the same task, however often they are sent. */
  key?: string;
  /** Gives the request up. */
  signal?: AbortSignal;
  /** How long to wait for the answer; 15 seconds if it is not said. */
  patience_seconds?: number;
  /** Whether it does no harm to send it again when nothing has answered. Reading never does. */
  repeatable?: boolean;
}

export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** A body that is encoded already. */
export class EncodedBody {
  constructor(
    readonly media_type: string,
    readonly text: string,
  ) {}
}

// The API answers within milliseconds, and within 12 s while the log is away.
const ANSWER_SECONDS = 15;
// In a row: about a minute and a half, longer than a restart of the API.
const ATTEMPTS = 10;
const RETRY_SECONDS = 1;
const RETRY_SECONDS_MAX = 10;
// Until a limit permits more: longer than a window of a minute, shorter than one of an hour.
const LIMIT_SECONDS_MAX = 90;
const TOO_MANY = 429;
const UNAVAILABLE = 503;
const CERTIFICATE = /^(CERT_|ERR_TLS|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/;

/** Sends requests to one API. */
export class Connection {
  readonly uses_event_source: boolean;
  readonly credentials: "omit" | "same-origin" | "include";
  private readonly base: string;
  private readonly send: typeof fetch;

  constructor(private readonly options: ConnectionOptions) {
    this.base = baseOf(options.url);
    this.send = options.fetch ?? ((input, init) => fetch(input, init));
    this.credentials = options.credentials ?? "same-origin";
    // It can send no header, and does not know of sessions that are refreshed.
    this.uses_event_source = options.key === undefined && options.fetch === undefined;
  }

  /** Return the address of an operation. */
  address({ url, path, query }: Operation): string {
    const filled = url.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(path?.[name] ?? "")));
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries(query ?? {})) {
      for (const each of Array.isArray(value) ? (value as unknown[]) : [value]) {
        if (each !== undefined && each !== null) asked.append(name, String(each));
      }
    }
    const query_text = asked.toString();
    return `${this.base}${filled}${query_text === "" ? "" : `?${query_text}`}`;
  }

  /** Send a request for an operation and return what it answers, again when nothing answers and it may be repeated. */
  async ask<Data extends Operation, Answer>(method: Method, call: CallOf<Data>): Promise<Answer> {
    const repeatable = call.repeatable ?? (method === "GET" || call.key !== undefined);
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.answer<Answer>(method, call);
      } catch (error) {
        if (!(error instanceof ApiError) || failures >= (this.options.attempts ?? ATTEMPTS)) throw error;
        const seconds = secondsBefore(error, repeatable, failures);
        if (seconds === null) throw error;
        await sleep(seconds * 1000, call.signal);
      }
    }
  }

  /** Send a request and return the answer to it, whose body is not read yet. */
  async open(
    method: Method,
    address: string,
    init: { headers?: Record<string, string>; body?: string; signal: AbortSignal },
  ): Promise<Response> {
    const headers = { ...init.headers, ...(await this.authorization(method)) };
    const { body, signal } = init;
    const sent: RequestInit = { method, headers, signal, credentials: this.credentials, cache: "no-store" };
    const answer = await this.send(address, body === undefined ? sent : { ...sent, body });
    if (!answer.ok) throw await ApiError.of(answer);
    return answer;
  }

  private async answer<Answer>(method: Method, call: CallOf<Operation>): Promise<Answer> {
    const seconds = call.patience_seconds ?? ANSWER_SECONDS;
    const { controller, release } = linkTo(call.signal);
    const timer = setTimeout(() => {
      controller.abort(ApiError.unreachable(new Error(`there was no answer within ${String(seconds)} seconds`)));
    }, seconds * 1000);
    try {
      const answer = await this.open(method, this.address(call), { ...contentOf(call), signal: controller.signal });
      return (await readAnswer(answer)) as Answer;
    } catch (cause) {
      call.signal?.throwIfAborted();
      throw ApiError.unreachable(cause);
    } finally {
      clearTimeout(timer);
      release();
    }
  }

  private async authorization(method: Method): Promise<Record<string, string>> {
    const { key } = this.options;
    // A change that is asked for with a cookie needs the header: a page of another site cannot send it.
    if (key === undefined) return method === "GET" ? {} : { "X-Headrace-CSRF": "1" };
    return { Authorization: `Bearer ${typeof key === "string" ? key : await key()}` };
  }
}

function baseOf(url: string | undefined): string {
  if (url === undefined || url === "") {
    if (typeof location === "undefined") throw new TypeError('say where the API is: createClient({ url: "http://127.0.0.1:8080" })');
    return "";
  }
  const parsed = parse(url);
  // Its text is left out: there may be a password in it.
  if (parsed === null || !/^https?:$/.test(parsed.protocol))
    throw new TypeError("this is no address of an API: write it as http://host:port");
  if (parsed.username !== "" || parsed.password !== "") throw new TypeError("an address has no password: pass an API key as `key`");
  return url.replace(/\/+$/, "");
}

function parse(url: string): URL | null {
  try {
    return new URL(url);
  } catch {
    return null;
  }
}

function contentOf({ body, key }: CallOf<Operation>): { headers: Record<string, string>; body?: string } {
  const headers: Record<string, string> = key === undefined ? {} : { "Idempotency-Key": key };
  if (body === undefined) return { headers };
  const encoded = body instanceof EncodedBody ? body : new EncodedBody("application/json", JSON.stringify(body));
  return { headers: { ...headers, "Content-Type": encoded.media_type }, body: encoded.text };
}

async function readAnswer(answer: Response): Promise<unknown> {
  if (answer.status === 204) return undefined;
  const text = await answer.text();
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw notHeadrace(answer);
  }
}

/** Return how long to wait before a request is sent again; null when another attempt is useless, or might do harm. */
function secondsBefore(error: ApiError, repeatable: boolean, failures: number): number | null {
  const after = error.retryAfter;
  // A request over a limit did nothing, and it is known when the next one may come.
  if (error.status === TOO_MANY && after !== null && after <= LIMIT_SECONDS_MAX) return after * spread(0.1);
  if (!repeatable || isForEver(error)) return null;
  if (error.status !== 0 && !(error.status === UNAVAILABLE && after !== null && after <= RETRY_SECONDS_MAX)) return null;
  const doubled = Math.min(RETRY_SECONDS * 2 ** (failures - 1), RETRY_SECONDS_MAX);
  return Math.max(after ?? 0, doubled) * spread(0.5);
}

/** Return whether an error would come each time, as for a certificate that is not trusted. */
function isForEver(error: ApiError): boolean {
  const cause: unknown = error.cause instanceof Error ? (error.cause.cause ?? error.cause) : undefined;
  return cause instanceof Error && "code" in cause && CERTIFICATE.test(String(cause.code));
}

/** Return a factor of 1, and by chance up to so much more. */
function spread(more: number): number {
  return 1 + more * Math.random();
}
