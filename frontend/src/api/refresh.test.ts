import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { ApiError } from "./errors";
import { expiresAt, forgetExpiry, onSignedOut, refreshing, refreshSession } from "./refresh";

const EXPIRY = "2026-03-02T09:25:00Z";

function answer(status: number, body: unknown = {}): Response {
  return Response.json(body, { status });
}

beforeEach(() => {
  localStorage.clear();
  forgetExpiry();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

describe("a session", () => {
  it("is refreshed once for all who ask at the same time", async () => {
    const send = vi.fn<typeof fetch>(async () => answer(200, { expires_at: EXPIRY }));
    expect(await Promise.all([refreshSession(send), refreshSession(send), refreshSession(send)])).toEqual([true, true, true]);
    expect(send).toHaveBeenCalledTimes(1);
    expect(expiresAt()).toBe(EXPIRY);
  });

  it("is not refreshed again when another tab has done so a moment ago", async () => {
    localStorage.setItem("headrace-refreshed-at", String(Date.now() - 1_000));
    const send = vi.fn<typeof fetch>();
    expect(await refreshSession(send)).toBe(true);
    expect(send).not.toHaveBeenCalled();
  });

  it("is refreshed when the last time was a while ago, or in a future that a wrong clock has written", async () => {
    for (const at of [Date.now() - 60_000, Date.now() + 3_600_000]) {
      localStorage.setItem("headrace-refreshed-at", String(at));
      const send = vi.fn<typeof fetch>(async () => answer(200));
      expect(await refreshSession(send)).toBe(true);
      expect(send).toHaveBeenCalledTimes(1);
    }
  });

  it.each([401, 403])("that the API ends with %i is over, and everybody learns why", async (status) => {
    const told = vi.fn<(error: ApiError) => void>();
    const stop = onSignedOut(told);
    const send = vi.fn<typeof fetch>(async () => answer(status, { error_code: "account_disabled", message: "disabled" }));
    expect(await refreshSession(send)).toBe(false);
    stop();
    expect(told).toHaveBeenCalledTimes(1);
    expect(told.mock.calls[0]?.[0].code).toBe("account_disabled");
  });

  it("goes on while the API cannot tell, or nothing answers", async () => {
    const told = vi.fn<() => void>();
    const stop = onSignedOut(told);
    await expect(refreshSession(async () => answer(503, { error_code: "identity_unavailable" }))).rejects.toMatchObject({ status: 503 });
    await expect(refreshSession(() => Promise.reject(new TypeError("Failed to fetch")))).rejects.toMatchObject({ unreachable: true });
    stop();
    expect(told).not.toHaveBeenCalled();
  });

  it("can be asked for again after a failure", async () => {
    await expect(refreshSession(() => Promise.reject(new TypeError("lost")))).rejects.toBeInstanceOf(ApiError);
    expect(await refreshSession(async () => answer(200))).toBe(true);
  });

  it("is refreshed by a lock that the tabs share, where there is one", async () => {
    const names: string[] = [];
    const request = async (name: string, act: () => Promise<boolean>): Promise<boolean> => {
      names.push(name);
      return act();
    };
    vi.stubGlobal("navigator", { locks: { request } });
    expect(await refreshSession(async () => answer(200))).toBe(true);
    expect(names).toEqual(["headrace-session"]);
  });
});

describe("a request that is answered 401", () => {
  const OWN = "http://localhost/bff/v1/member/dashboard";

  it("is sent once more, with its body, after the session was refreshed", async () => {
    vi.stubGlobal("fetch", async () => answer(200));
    const bodies: string[] = [];
    const send = refreshing(async (request) => {
      bodies.push(await (request as Request).text());
      return answer(bodies.length === 1 ? 401 : 200);
    });
    const response = await send(OWN, { method: "POST", body: "input" });
    expect(response.status).toBe(200);
    expect(bodies).toEqual(["input", "input"]);
  });

  it("stays 401 when the session has ended", async () => {
    vi.stubGlobal("fetch", async () => answer(401));
    const send = vi.fn<typeof fetch>(async () => answer(401));
    expect((await refreshing(send)(OWN)).status).toBe(401);
    expect(send).toHaveBeenCalledTimes(1);
  });

  it("fails with what the refresh failed with, so that nobody takes it for the end of the session", async () => {
    vi.stubGlobal("fetch", async () => answer(503, { error_code: "identity_unavailable" }));
    await expect(refreshing(async () => answer(401))(OWN)).rejects.toMatchObject({ status: 503, code: "identity_unavailable" });
  });

  it("is not sent again when it was a sign-in or a sign-out", async () => {
    for (const method of ["POST", "PUT", "DELETE"]) {
      const send = vi.fn<typeof fetch>(async () => answer(401));
      expect((await refreshing(send)("http://localhost/api/v1/session", { method })).status).toBe(401);
      expect(send).toHaveBeenCalledTimes(1);
    }
  });
});
