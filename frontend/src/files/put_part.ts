import { ApiError } from "@/api/errors";

// Without a byte that leaves, and without an answer.
const STILL_MILLISECONDS = 60_000;
const OF_API = /^\/api\/v1\/files\/[^/]+\/parts\/\d+$/u;

/**
 * Send a part of an upload to its address. `sent` is told how many of its bytes have left.
 *
 * It is the one request that is made with XMLHttpRequest: `fetch` does not tell how far a body is.
 *
 * @throws ApiError when it is refused, and with status 0 when nothing answers.
 */
export function putPart(
  url: string,
  body: Blob,
  headers: Readonly<Record<string, string>>,
  sent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const request = new XMLHttpRequest();
  let still: ReturnType<typeof setTimeout> | undefined;
  const abort = (): void => {
    request.abort();
  };
  const watch = (): void => {
    clearTimeout(still);
    still = setTimeout(abort, STILL_MILLISECONDS);
  };
  const sending = new Promise<void>((resolve, reject) => {
    const lose = (): void => {
      reject(signal.aborted ? (signal.reason as Error) : new ApiError(0, "unreachable", "the connection was lost"));
    };
    request.upload.addEventListener("progress", (event) => {
      watch();
      sent(event.loaded);
    });
    request.addEventListener("error", lose);
    request.addEventListener("abort", lose);
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(refusalOf(request));
    });
  });
  signal.addEventListener("abort", abort);
  request.open("PUT", addressOf(url, window.location.origin));
  for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
  watch();
  request.send(body);
  return sending.finally(() => {
    clearTimeout(still);
    signal.removeEventListener("abort", abort);
  });
}

/** Return where a part is sent. What is an address of the API is asked where this page has come from, by whatever name that was. */
export function addressOf(url: string, origin: string): string {
  const { pathname, search } = new URL(url, origin);
  return OF_API.test(pathname) ? pathname + search : url;
}

function refusalOf(request: XMLHttpRequest): ApiError {
  let body: unknown = null;
  try {
    body = JSON.parse(request.responseText);
  } catch {
    // Stores answer with XML.
  }
  return ApiError.from(body, new Response(null, { status: request.status, statusText: request.statusText }));
}
