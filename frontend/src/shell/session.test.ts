import { createPinia, setActivePinia } from "pinia";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import * as core from "@/api/core";
import { ApiError } from "@/api/errors";
import type { SessionV1 } from "@/api/member";
import * as member from "@/api/member";

import { useSession } from "./session";

vi.mock("@/api/core", () => ({ signOut: vi.fn<() => Promise<object>>() }));
vi.mock("@/api/member", () => ({ showSession: vi.fn<() => Promise<object>>() }));

const replace = vi.fn<(address: string) => void>();
const reload = vi.fn<() => void>();

function sessionOf(id: string, role: "member" | "admin" = "member"): SessionV1 {
  return {
    at: new Date().toISOString(),
    user: { id, email: null, display_name: id, role, state: "active" },
    csrf: { name: "x", value: "1" },
    preferences: { language: null, theme: "system", time_zone: null, hours: null, density: "comfortable" },
    features: { files: false, follow_links: false, registration: false },
    version: "1",
  };
}

function answers(...given: (SessionV1 | ApiError)[]): void {
  const show = vi.mocked(member.showSession);
  for (const each of given) {
    if (each instanceof ApiError) show.mockRejectedValueOnce(each);
    else show.mockResolvedValueOnce({ data: each } as never);
  }
}

beforeEach(() => {
  setActivePinia(createPinia());
  vi.stubGlobal("location", { pathname: "/tasks", search: "?state=failed", replace, reload });
  // Tabs are told in the same browser; here there is one tab at a time.
  vi.stubGlobal("BroadcastChannel", undefined);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  replace.mockReset();
  reload.mockReset();
});

describe("who is signed in", () => {
  it("is asked once, and nobody is when the answer is 401", async () => {
    const session = useSession();
    answers(new ApiError(401, "not_authenticated", "no"));
    await session.ready();
    expect(session.user).toBeNull();
    expect(session.asked).toBe(true);
    expect(replace).not.toHaveBeenCalled();
  });

  it("is asked again for as long as nothing answers, and nobody is signed out by that", async () => {
    vi.useFakeTimers();
    const session = useSession();
    answers(new ApiError(0, "unreachable", "x"), new ApiError(503, "identity_unavailable", "y"), sessionOf("ada"));
    const ready = session.ready();
    await vi.advanceTimersByTimeAsync(0);
    expect(session.failure?.unreachable).toBe(true);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(session.failure?.status).toBe(503);
    session.retry();
    await ready;
    expect(session.user?.id).toBe("ada");
    expect(session.failure).toBeNull();
  });

  it("stays as it was when a later question fails", async () => {
    const session = useSession();
    answers(sessionOf("ada"), new ApiError(503, "x", "y"));
    await session.load();
    await expect(session.load()).rejects.toBeInstanceOf(ApiError);
    expect(session.user?.id).toBe("ada");
  });

  it("having another role, or being somebody else, begins the page anew", async () => {
    for (const next of [sessionOf("ada", "admin"), sessionOf("bob")]) {
      setActivePinia(createPinia());
      const session = useSession();
      answers(sessionOf("ada"), next);
      await session.load();
      await session.load();
    }
    expect(reload).toHaveBeenCalledTimes(2);
  });

  it("and is not any more comes to the sign-in, with the place to come back to", async () => {
    const session = useSession();
    answers(sessionOf("ada"), new ApiError(401, "not_authenticated", "no"));
    await session.load();
    sessionStorage.setItem("headrace-draft", "secret");
    sessionStorage.setItem("other", "kept");
    await session.load();
    expect(replace).toHaveBeenCalledWith("/sign-in?why=ended&to=%2Ftasks%3Fstate%3Dfailed");
    expect(sessionStorage.getItem("headrace-draft")).toBeNull();
    expect(sessionStorage.getItem("other")).toBe("kept");
  });
});

describe("signing out", () => {
  it("leaves the page", async () => {
    const session = useSession();
    answers(sessionOf("ada"));
    await session.load();
    vi.mocked(core.signOut).mockResolvedValueOnce({} as never);
    await session.sign_out();
    expect(replace).toHaveBeenCalledWith("/sign-in?why=signed_out");
    expect(session.user).toBeNull();
  });

  it("that the API did not do leaves everything as it is, and says so", async () => {
    const session = useSession();
    answers(sessionOf("ada"));
    await session.load();
    vi.mocked(core.signOut).mockRejectedValueOnce(new ApiError(0, "unreachable", "no"));
    await expect(session.sign_out()).rejects.toBeInstanceOf(ApiError);
    expect(session.user?.id).toBe("ada");
    expect(replace).not.toHaveBeenCalled();
  });
});
