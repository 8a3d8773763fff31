import type { FieldError } from "./core";

/** What an answer of the API says when it is a problem, as `Problem` in the documents. */
interface ProblemBody {
  error_code?: string;
  message?: string;
  correlation_id?: string;
  errors?: FieldError[];
}

/**
 * The one error that a request ends with.
 *
 * `status` is that of the answer, and 0 when there was none because nothing answered. `code` is stable and meant for programs,
 * `message` for people. `correlation` finds the request in the logs; it is empty when nothing answered. `errors` name the fields
 * of the body that were refused, each with a JSON Pointer. `retry_after` is in seconds.
 */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly correlation = "",
    readonly errors: FieldError[] = [],
    readonly retry_after: number | null = null,
  ) {
    super(message);
  }

  /** Whether nothing answered: no network, no server, or a request that was cut. */
  get unreachable(): boolean {
    return this.status === 0;
  }

  /** Return the error of an answer whose body was decoded already, or of a failure to get one. */
  static from(cause: unknown, response: Response | undefined): ApiError {
    if (cause instanceof ApiError) return cause;
    if (response === undefined) return new ApiError(0, "unreachable", cause instanceof Error ? cause.message : String(cause));
    const body: ProblemBody = typeof cause === "object" && cause !== null ? cause : {};
    const seconds = Number.parseFloat(response.headers.get("Retry-After") ?? "");
    return new ApiError(
      response.status,
      body.error_code ?? "not_a_problem",
      body.message ?? `The server answered ${String(response.status)} ${response.statusText}`.trim(),
      body.correlation_id ?? response.headers.get("X-Correlation-ID") ?? "",
      body.errors ?? [],
      Number.isNaN(seconds) ? null : seconds,
    );
  }
}

/** Return what was refused of one field of a body, with paths that begin at this field. */
export function errorsAt(errors: readonly FieldError[], field: string): FieldError[] {
  const prefix = `/${field}`;
  return errors
    .filter(({ path }) => path === prefix || path.startsWith(`${prefix}/`))
    .map(({ path, message }) => ({ path: path.slice(prefix.length), message }));
}
