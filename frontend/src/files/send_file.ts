import type { File as StoredFile, FileDetail, NewFile, UploadPart } from "@/api/core";
import { ApiError } from "@/api/errors";

import type { Turns } from "./turns";

/** What is asked of the API, and of where the bytes go. */
export interface FilesApi {
  begin: (file: NewFile) => Promise<FileDetail>;
  find: (id: string) => Promise<FileDetail>;
  complete: (id: string) => Promise<StoredFile>;
  put: (
    url: string,
    body: Blob,
    headers: Readonly<Record<string, string>>,
    sent: (bytes: number) => void,
    signal: AbortSignal,
  ) => Promise<void>;
  /** Wait; ends at once when there is a network again. */
  pause: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** A file that is to be sent, and who is told how it goes. */
export interface Job {
  source: Blob;
  described: NewFile;
  /** The upload that is continued; null to begin one. */
  begun: string | null;
  signal: AbortSignal;
  begins: (id: string | null) => void;
  /** How many bytes are there. */
  sent: (bytes: number) => void;
  /** The connection is lost, and what is missing is sent again in so many milliseconds; null when it goes on. */
  waits: (milliseconds: number | null) => void;
  /** All bytes are there, and are compared with what was declared. */
  completes: () => void;
}

// In a row, without a part that has arrived meanwhile: about three minutes.
const PAUSES = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 30_000, 30_000, 60_000] as const;
const AGAIN_MILLISECONDS = 1_000;
// Its address has expired, or the part has arrived and the answer was lost.
const REFUSED_URL: ReadonlySet<number> = new Set([403, 404, 409]);

/**
 * Send a file in parts. After a break it is asked which parts are there, and those that are missing are sent.
 *
 * @throws ApiError when the file is refused, or nothing answers again and again.
 */
export async function sendFile(job: Job, api: FilesApi, turns: Turns): Promise<StoredFile> {
  const state = { id: job.begun, there: -1, tries: 0 };
  for (;;) {
    try {
      return await sendOnce(job, api, turns, state);
    } catch (cause) {
      job.signal.throwIfAborted();
      const error = ApiError.from(cause, undefined);
      if (error.code === "file_not_found" && state.id !== null && state.id === job.begun) {
        // It has expired since somebody began it.
        state.id = null;
        job.begins(null);
        continue;
      }
      const pause = PAUSES[state.tries];
      if (!isPassing(error) || pause === undefined) throw error;
      state.tries += 1;
      const jittered = Math.max((error.retry_after ?? 0) * 1000, pause * (0.75 + Math.random() / 2));
      job.waits(jittered);
      await api.pause(jittered, job.signal);
      job.waits(null);
    }
  }
}

async function sendOnce(
  job: Job,
  api: FilesApi,
  turns: Turns,
  state: { id: string | null; there: number; tries: number },
): Promise<StoredFile> {
  const detail = await (state.id === null ? api.begin(job.described) : api.find(state.id));
  if (state.id === null) job.begins((state.id = detail.id));
  if (detail.state === "ready") return detail;
  if (detail.state === "refused") throw new ApiError(422, "file_refused", detail.reason ?? "");
  const missing = (detail.upload?.parts ?? []).filter((part) => part.url !== null);
  const there = detail.size - missing.reduce((sum, part) => sum + part.size, 0);
  if (there > state.there) state.tries = 0;
  state.there = there;
  await sendParts(job, api, turns, missing, there, detail.upload?.headers ?? {});
  job.completes();
  for (;;) {
    const file = await api.complete(detail.id);
    if (file.state === "ready") return file;
    await api.pause(AGAIN_MILLISECONDS, job.signal);
  }
}

async function sendParts(
  job: Job,
  api: FilesApi,
  turns: Turns,
  parts: readonly UploadPart[],
  there: number,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const left = new Map<number, number>();
  const count = (): void => {
    job.sent(there + [...left.values()].reduce((sum, bytes) => sum + bytes, 0));
  };
  let failure: unknown = null;
  async function send(part: UploadPart): Promise<void> {
    try {
      const body = job.source.slice(part.start, part.start + part.size);
      const sent = (bytes: number): void => {
        left.set(part.number, Math.min(bytes, part.size));
        count();
      };
      await api.put(part.url ?? "", body, headers, sent, job.signal);
      sent(part.size);
    } catch (cause) {
      left.delete(part.number);
      failure ??= cause;
      count();
    }
  }
  count();
  // Those that are on their way arrive, also when another one has failed.
  await Promise.all(parts.map((part) => turns.take(async () => (failure === null && !job.signal.aborted ? send(part) : undefined))));
  job.signal.throwIfAborted();
  if (failure !== null) throw failure;
}

function isPassing(error: ApiError): boolean {
  if (error.unreachable || error.status >= 500 || error.status === 408 || error.status === 429) return error.status !== 501;
  // The API itself refuses with a code; of a part it may have been the address alone.
  return error.code === "parts_missing" || (REFUSED_URL.has(error.status) && OF_URL.has(error.code));
}

const OF_URL: ReadonlySet<string> = new Set(["not_a_problem", "file_url_expired", "invalid_file_url", "upload_ended"]);
