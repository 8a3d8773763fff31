import type { FieldError, Task } from "./api/index.js";

/** The code of an answer that does not come from this API. */
export const NOT_HEADRACE = "not_headrace";

/** The code of a request that nothing answered. */
export const UNREACHABLE = "unreachable";

const ERRORS_SHOWN = 20;
// A page of another server may have no end.
const PROBLEM_CHARS_MAX = 1 << 20;

/** What is known of an error besides its status, its code and its sentence. */
export interface ErrorFacts {
  errors?: readonly FieldError[];
  correlationId?: string;
  retryAfter?: number | null;
  cause?: unknown;
}

/**
 * The API refused a request, or failed, or nothing answered.
 *
 * `status` is that of the answer, and 0 when nothing answered. `code` is stable and meant for programs, `detail` is a sentence for
 * people that says what to do. `errors` name what is wrong with a body, each with a JSON Pointer. `correlationId` finds the request
 * in the logs of the server. `retryAfter` is in seconds, and null when the server did not say.
 */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly errors: readonly FieldError[];
  readonly correlationId: string;
  readonly retryAfter: number | null;

  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    facts: ErrorFacts = {},
  ) {
    super(withErrors(detail, facts.errors ?? []), facts.cause === undefined ? undefined : { cause: facts.cause });
    this.errors = facts.errors ?? [];
    this.correlationId = facts.correlationId ?? "";
    this.retryAfter = facts.retryAfter ?? null;
  }

  /** Return the error for a failure to get an answer. */
  static unreachable(cause: unknown): ApiError {
    if (cause instanceof ApiError) return cause;
    const said = cause instanceof Error ? cause.message : String(cause);
    return new ApiError(0, UNREACHABLE, `the API cannot be reached: ${said}`, { cause });
  }

  /** Return the error for an answer that is no success, whose body is read here. */
  static async of(answer: Response): Promise<ApiError> {
    const problem = readProblem(await readText(answer));
    if (problem === null) return notHeadrace(answer);
    return ApiError.ofProblem(problem, answer.status, secondsOf(answer.headers.get("Retry-After")));
  }

  /** Return the error for what a body, or the event `problem`, says. */
  static ofProblem(problem: ProblemFields, status = problem.status ?? 0, retryAfter: number | null = null): ApiError {
    const { error_code, message, errors, correlation_id } = problem;
    return new ApiError(status, error_code, message, { errors: errors ?? [], correlationId: correlation_id ?? "", retryAfter });
  }
}

/** A task has no result, because it failed or was cancelled. `task` is the whole task, `code` why it failed. */
export class TaskFailed extends Error {
  override readonly name = "TaskFailed";
  readonly code: string;

  constructor(readonly task: Task) {
    super(task.error?.message ?? `task ${task.id} was ${task.state}`);
    this.code = task.error?.code ?? task.state;
  }
}

/** The fields of `Problem` that an error has. */
export interface ProblemFields {
  status?: number;
  error_code: string;
  message: string;
  correlation_id?: string;
  errors?: FieldError[];
}

/** Return a problem; null for a text that is none. */
export function readProblem(text: string): ProblemFields | null {
  try {
    const body: unknown = JSON.parse(text);
    return isProblem(body) ? body : null;
  } catch {
    return null;
  }
}

/** Return the error for an answer that is not one of this API. Its address is left out, because it may have a secret. */
export function notHeadrace(answer: Response): ApiError {
  const status = `${String(answer.status)} ${answer.statusText}`.trim();
  return new ApiError(answer.status, NOT_HEADRACE, `the server answered ${status}, and not as Headrace does; is \`url\` its address?`);
}

function isProblem(body: unknown): body is ProblemFields {
  if (typeof body !== "object" || body === null || !("error_code" in body) || !("message" in body)) return false;
  return typeof body.error_code === "string" && typeof body.message === "string" && (!("errors" in body) || Array.isArray(body.errors));
}

async function readText(answer: Response): Promise<string> {
  if (answer.body === null) return "";
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (text.length <= PROBLEM_CHARS_MAX) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return "";
}

function secondsOf(retry_after: string | null): number | null {
  return retry_after !== null && /^[0-9]{1,9}$/.test(retry_after) ? Number(retry_after) : null;
}

function withErrors(detail: string, errors: readonly FieldError[]): string {
  const wrong = errors.slice(0, ERRORS_SHOWN).map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  const left = errors.length > ERRORS_SHOWN ? [`and ${String(errors.length - ERRORS_SHOWN)} more`] : [];
  return [detail, ...wrong.filter((each) => !detail.includes(each)), ...left].join("\n  ");
}
