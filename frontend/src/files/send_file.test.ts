import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";

import type { File as StoredFile, FileDetail, NewFile } from "@/api/core";
import { ApiError } from "@/api/errors";

import { type FilesApi, type Job, sendFile } from "./send_file";
import { createTurns } from "./turns";

const PART = 10;
const LOST = new ApiError(0, "unreachable", "the connection was lost");

/** An API with one upload, whose parts arrive, or do not, as `fails` says of each request for one. */
function makeServer(size: number, fails: (number: number) => ApiError | "answer lost" | null) {
  const there = new Map<number, string>();
  const count = Math.max(1, Math.ceil(size / PART));
  const server = { puts: [] as number[], begun: 0, pauses: 0, state: "uploading" as StoredFile["state"], there };
  const stored = (): StoredFile => ({
    id: "f1",
    owner: "ada",
    name: "a",
    media_type: "text/plain",
    size,
    sha256: null,
    state: server.state,
    reason: null,
    task: null,
    created_at: "",
    ready_at: null,
    expires_at: null,
  });
  const detail = (): FileDetail => ({
    ...stored(),
    upload: {
      part_bytes: PART,
      parts: Array.from({ length: count }, (_, at) => ({
        number: at + 1,
        start: at * PART,
        size: Math.min(PART, size - at * PART),
        url: there.has(at + 1) ? null : `/parts/${String(at + 1)}`,
      })),
      headers: {},
      urls_expire_at: "",
    },
  });
  const api: FilesApi = {
    begin: () => {
      server.begun += 1;
      return Promise.resolve(detail());
    },
    find: () => Promise.resolve(detail()),
    complete: () => {
      if (there.size < count) return Promise.reject(new ApiError(409, "parts_missing", "some parts have not arrived"));
      server.state = "ready";
      return Promise.resolve(stored());
    },
    put: async (url, body, _, sent) => {
      const number = Number(url.split("/").at(-1));
      server.puts.push(number);
      sent(Math.floor(body.size / 2));
      const failure = fails(number);
      if (failure !== null && failure !== "answer lost") throw failure;
      there.set(number, await body.text());
      if (failure === "answer lost") throw LOST;
    },
    pause: () => {
      server.pauses += 1;
      return Promise.resolve();
    },
  };
  return { server, api };
}

function makeJob(text: string, begun: string | null = null) {
  const described: NewFile = { name: "a", size: text.length, media_type: "text/plain", sha256: null };
  const sent: number[] = [];
  const job: Job = {
    source: new Blob([text]),
    described,
    begun,
    signal: new AbortController().signal,
    begins: vi.fn<Job["begins"]>(),
    sent: (bytes) => sent.push(bytes),
    waits: vi.fn<Job["waits"]>(),
    completes: vi.fn<Job["completes"]>(),
  };
  return { job, sent };
}

const TEXT = "The water comes down from the hills in spring.";

describe("sending a file", () => {
  it("sends each part once, and says how many bytes are there", async () => {
    const { server, api } = makeServer(TEXT.length, () => null);
    const { job, sent } = makeJob(TEXT);
    expect((await sendFile(job, api, createTurns(3))).state).toBe("ready");
    expect(server.puts.toSorted()).toEqual([1, 2, 3, 4, 5]);
    expect(
      [...server.there]
        .toSorted(([one], [other]) => one - other)
        .map(([, text]) => text)
        .join(""),
    ).toBe(TEXT);
    expect(sent.at(-1)).toBe(TEXT.length);
    expect(job.begins).toHaveBeenCalledWith("f1");
  });

  it("asks after a lost connection which parts are there, and sends the others alone", async () => {
    let cut = false;
    const { server, api } = makeServer(TEXT.length, (number) => {
      if (number < 3 || cut) return null;
      cut = true;
      return LOST;
    });
    const { job } = makeJob(TEXT);
    await sendFile(job, api, createTurns(1));
    expect(server.puts).toEqual([1, 2, 3, 3, 4, 5]);
    expect(server.begun).toBe(1);
    expect(job.waits).toHaveBeenCalledTimes(2);
  });

  it("goes on with an upload of yesterday, and begins another one when that is gone", async () => {
    const { server, api } = makeServer(TEXT.length, () => null);
    server.there.set(1, TEXT.slice(0, PART));
    await sendFile(makeJob(TEXT, "f1").job, api, createTurns(3));
    expect([server.begun, server.puts.length]).toEqual([0, 4]);

    const gone = makeServer(TEXT.length, () => null);
    const find = vi.spyOn(gone.api, "find").mockRejectedValueOnce(new ApiError(404, "file_not_found", "there is no file"));
    const { job } = makeJob(TEXT, "f0");
    await sendFile(job, gone.api, createTurns(3));
    expect([find.mock.calls.length, gone.server.begun, gone.server.puts.length]).toEqual([1, 1, 5]);
  });

  it("asks for another address of a part when its own has expired", async () => {
    let expired = false;
    const { server, api } = makeServer(5, () => {
      if (expired) return null;
      expired = true;
      return new ApiError(403, "file_url_expired", "the URL has expired");
    });
    await sendFile(makeJob("12345").job, api, createTurns(3));
    expect(server.puts).toEqual([1, 1]);
  });

  it("says at once what is refused, and gives up when nothing answers again and again", async () => {
    const full = makeServer(5, () => null);
    vi.spyOn(full.api, "begin").mockRejectedValue(new ApiError(413, "quota_exceeded", "no room"));
    await expect(sendFile(makeJob("12345").job, full.api, createTurns(3))).rejects.toMatchObject({ code: "quota_exceeded" });
    expect(full.server.pauses).toBe(0);

    const dead = makeServer(5, () => LOST);
    await expect(sendFile(makeJob("12345").job, dead.api, createTurns(3))).rejects.toBe(LOST);
    expect(dead.server.pauses).toBe(10);
  });

  it("sends a file without a byte", async () => {
    const { server, api } = makeServer(0, () => null);
    await sendFile(makeJob("").job, api, createTurns(3));
    expect(server.puts).toEqual([1]);
  });

  it("arrives as a whole however often the connection breaks, and never sends a part that is there", async () => {
    const failures = fc.array(fc.constantFrom<("fail" | "answer lost" | null)[]>("fail", "answer lost", null), { maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(
        fc.string({ maxLength: 60, unit: "grapheme-ascii" }),
        failures,
        fc.integer({ min: 1, max: 4 }),
        async (text, plan, at_a_time) => {
          let at = 0;
          const { server, api } = makeServer(text.length, () => {
            const next = plan[at] ?? null;
            at += 1;
            return next === "fail" ? LOST : next;
          });
          const put = api.put;
          api.put = (url, ...others) => {
            expect(server.there.has(Number(url.split("/").at(-1)))).toBe(false);
            return put(url, ...others);
          };
          const { job, sent } = makeJob(text);
          await sendFile(job, api, createTurns(at_a_time));
          expect(
            [...server.there]
              .toSorted(([one], [other]) => one - other)
              .map(([, each]) => each)
              .join(""),
          ).toBe(text);
          expect(sent.every((bytes) => bytes >= 0 && bytes <= text.length)).toBe(true);
        },
      ),
    );
  });
});
