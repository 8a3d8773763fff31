// How many answers are remembered: each screen once or twice, with room for a long session. At most some megabytes.
const REMEMBERED = 60;

interface Remembered {
  etag: string;
  body: string;
  headers: [string, string][];
}

const known = new Map<string, Remembered>();

/** Forget every remembered answer. Whoever signs out leaves nothing behind. */
export function forgetAnswers(): void {
  known.clear();
}

/**
 * Return a fetch that sends back the ETag of the last answer to the same address, and gives that answer again on 304.
 *
 * The API says `Cache-Control: no-store`, so that a browser keeps nothing on disk, and therefore it never asks with an ETag itself.
 */
export function remembering(send: typeof fetch): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    if (request.method !== "GET") return send(request);
    const before = known.get(request.url);
    if (before !== undefined) request.headers.set("If-None-Match", before.etag);
    const response = await send(request);
    if (response.status === 304 && before !== undefined) {
      return new Response(before.body, { status: 200, headers: before.headers });
    }
    const etag = response.headers.get("ETag");
    if (!response.ok || etag === null) return response;
    const body = await response.clone().text();
    known.delete(request.url);
    known.set(request.url, { etag, body, headers: [...response.headers] });
    const oldest = known.keys().next();
    if (known.size > REMEMBERED && oldest.value !== undefined) known.delete(oldest.value);
    return response;
  };
}
