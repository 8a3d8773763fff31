import { computed, type ComputedRef, ref, shallowReactive, shallowRef, type ShallowRef } from "vue";

import { completeFile, createFile, deleteFile, getFile } from "@/api/core";
import { ApiError } from "@/api/errors";
import { onSignedOut } from "@/api/refresh";

import { findBegun, rememberBegun } from "./begun";
import { mediaTypeOf } from "./media_type";
import { putPart } from "./put_part";
import { type FilesApi, sendFile } from "./send_file";
import { createTurns } from "./turns";

/** A file that is sent from this page. It goes on while other screens are shown. */
export interface Upload {
  readonly key: number;
  readonly name: string;
  readonly size: number;
  readonly source: File;
  /** Its id, once the upload has begun. */
  id: string | null;
  state: "waiting" | "sending" | "interrupted" | "completing" | "done" | "failed";
  /** Bytes that are there. */
  sent: number;
  error: ApiError | null;
}

// Of a browser's six connections to a server, one is the stream, and the page asks for things.
const PARTS_AT_A_TIME = 3;
const FILES_AT_A_TIME = 3;
// What is hashed first, because it is sent in one part and fits into memory.
const HASHED_BYTES_MAX = 64 * 1024 * 1024;

const parts = createTurns(PARTS_AT_A_TIME);
const files = createTurns(FILES_AT_A_TIME);
const stopping = new Map<number, AbortController>();
let last = 0;

/** What is sent, and what could not be, in the order in which it was chosen. */
export const uploads: ShallowRef<readonly Upload[]> = shallowRef([]);
/** Counts what has changed in the list of files because of an upload: it has begun, has ended, or was given up. */
export const changes = ref(0);
/** Whether leaving the page would cut something. */
export const is_sending: ComputedRef<boolean> = computed(() => uploads.value.some((each) => !isOver(each)));

const api: FilesApi = {
  begin: async (body) => (await createFile({ body, throwOnError: true })).data,
  find: async (file) => (await getFile({ path: { file }, throwOnError: true })).data,
  complete: async (file) => (await completeFile({ path: { file }, throwOnError: true })).data,
  put: putPart,
  pause,
};

/**
 * Send files. One that was begun before, and not ended, goes on.
 *
 * @param onto - The upload that the one file continues.
 */
export function upload(chosen: Iterable<File>, onto: string | null = null): Upload[] {
  const added = [...chosen].map((source) => {
    last += 1;
    return shallowReactive<Upload>({
      key: last,
      name: source.name,
      size: source.size,
      source,
      id: onto ?? findBegun(source),
      state: "waiting",
      sent: 0,
      error: null,
    });
  });
  // What has arrived is in the list of files.
  uploads.value = [...uploads.value.filter((each) => is_sending.value || each.state === "failed"), ...added];
  for (const each of added) void send(each);
  return added;
}

/** Send again what is missing of an upload that has failed. */
export function goOn(one: Upload): void {
  one.state = "waiting";
  one.error = null;
  void send(one);
}

/** Show an upload that has failed no more. It can still be continued from its row in the list. */
export function dismiss(one: Upload): void {
  show(uploads.value.filter((each) => each !== one));
}

/** Stop an upload, and give up what has arrived of it. */
export function stop(one: Upload): void {
  stopping.get(one.key)?.abort();
  rememberBegun(one.source, null);
  show(uploads.value.filter((each) => each !== one));
  if (one.id !== null) void giveUp(one.id);
}

/** Stop all uploads that are not over. */
export function stopOpen(): void {
  for (const one of uploads.value) if (!isOver(one)) stop(one);
}

/** Whether nothing more happens to an upload by itself. */
export function isOver({ state }: Upload): boolean {
  return state === "done" || state === "failed";
}

// When all are there, the list of files has them.
function show(next: readonly Upload[]): void {
  uploads.value = next.every((each) => each.state === "done") ? [] : next;
}

async function giveUp(id: string): Promise<void> {
  // What could not be deleted expires.
  await deleteFile({ path: { file: id } }).catch(() => undefined);
  changes.value += 1;
}

async function send(one: Upload): Promise<void> {
  const control = new AbortController();
  stopping.set(one.key, control);
  try {
    await files.take(() => sendNow(one, control.signal));
    one.state = "done";
    one.sent = one.size;
    rememberBegun(one.source, null);
  } catch (cause) {
    if (control.signal.aborted) return;
    one.error = cause instanceof ApiError ? cause : new ApiError(0, "unreadable", cause instanceof Error ? cause.message : String(cause));
    one.state = "failed";
    if (one.error.status === 422) {
      // The upload is over, and choosing the file again begins another one.
      rememberBegun(one.source, null);
      one.id = null;
    }
  } finally {
    changes.value += 1;
    stopping.delete(one.key);
    show([...uploads.value]);
  }
}

async function sendNow(one: Upload, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  one.state = "sending";
  const { source } = one;
  const described = { name: one.name, size: one.size, media_type: mediaTypeOf(source), sha256: await sha256Of(source) };
  const file = await sendFile(
    {
      source,
      described,
      begun: one.id,
      signal,
      begins(id) {
        one.id = id;
        rememberBegun(source, id);
        changes.value += 1;
      },
      sent: (bytes) => (one.sent = bytes),
      waits: (milliseconds) => (one.state = milliseconds === null ? "sending" : "interrupted"),
      completes: () => (one.state = "completing"),
    },
    api,
    parts,
  );
  one.id = file.id;
}

/** Return the SHA-256 of a file; null for a large one, and for a page that came over plain HTTP, which cannot hash. */
async function sha256Of(source: File): Promise<string | null> {
  const subtle: SubtleCrypto | undefined = globalThis.crypto.subtle;
  if (source.size > HASHED_BYTES_MAX || subtle === undefined) return null;
  const hash = await subtle.digest("SHA-256", await source.arrayBuffer());
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      window.removeEventListener("online", end);
      signal.removeEventListener("abort", end);
      if (signal.aborted) reject(signal.reason as Error);
      else resolve();
    };
    const timer = setTimeout(end, milliseconds);
    window.addEventListener("online", end);
    signal.addEventListener("abort", end);
  });
}

function warn(event: BeforeUnloadEvent): void {
  if (is_sending.value) event.preventDefault();
}

function stopAll(): void {
  for (const control of stopping.values()) control.abort();
  uploads.value = [];
}

if (typeof window !== "undefined") window.addEventListener("beforeunload", warn);
onSignedOut(stopAll);
