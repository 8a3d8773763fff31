import { createPinia, setActivePinia } from "pinia";
import { describe, expect, it, vi } from "vitest";
import { createMemoryHistory } from "vue-router";

import type { SessionV1 } from "@/api/member";

import { destination, makeRouter } from "./router";
import { defineScreen } from "./screen";
import { screens } from "./screens";
import { type Session, useSession } from "./session";

const Empty = { template: "<p />" };
const component = (): Promise<{ default: typeof Empty }> => Promise.resolve({ default: Empty });
const title = { en: "x", de: "x" };
const SCREENS = [
  defineScreen({ path: "/", name: "dashboard", component, title }),
  defineScreen({ path: "/tasks", name: "tasks", component, title }),
  defineScreen({ path: "/admin/users", name: "users", component, title, admin: true }),
  defineScreen({ path: "/sign-in", name: "sign_in", component, title, open: true }),
  defineScreen({ path: "/waiting", name: "waiting", component, title, open: true }),
  defineScreen({ path: "/:rest(.*)*", name: "not_found", component, title }),
];

function known(role: "member" | "admin" | null, state: SessionV1["user"]["state"] = "active"): Session {
  setActivePinia(createPinia());
  const session = useSession();
  if (role !== null) {
    session.adopt({
      at: new Date().toISOString(),
      user: { id: "ada", email: "ada@example.com", display_name: "Ada", role, state },
      csrf: { name: "x", value: "1" },
      preferences: { language: null, theme: "system", time_zone: null, hours: null, density: "comfortable" },
      features: { files: false, follow_links: true, registration: true },
      version: "1",
    });
  }
  vi.spyOn(session, "ready").mockResolvedValue();
  return session;
}

async function goes(session: Session, path: string): Promise<string> {
  const router = makeRouter(session, SCREENS, createMemoryHistory());
  await router.push(path);
  return `${String(router.currentRoute.value.name)} ${router.currentRoute.value.fullPath}`;
}

describe("somebody", () => {
  it("who is not signed in comes to the sign-in, and back to where they were going", async () => {
    expect(await goes(known(null), "/tasks?state=failed")).toBe("sign_in /sign-in?to=/tasks?state=failed");
    expect(await goes(known(null), "/")).toBe("sign_in /sign-in");
  });

  it("who is signed in sees their pages, and no page of administrators, not even that there is one", async () => {
    expect(await goes(known("member"), "/tasks")).toBe("tasks /tasks");
    expect(await goes(known("member"), "/admin/users")).toBe("not_found /admin/users");
    expect(await goes(known("admin"), "/admin/users")).toBe("users /admin/users");
  });

  it.each(["pending", "rejected", "disabled"] as const)("whose account is %s sees what has become of it", async (state) => {
    expect(await goes(known("member", state), "/tasks")).toBe("waiting /waiting");
  });

  it("who opens a public page is asked for nothing", async () => {
    const session = known(null);
    expect(await goes(session, "/sign-in")).toBe("sign_in /sign-in");
    expect(session.ready).not.toHaveBeenCalled();
  });
});

describe("after signing in", () => {
  it.each([
    ["/tasks?state=failed#x", "/tasks?state=failed#x"],
    ["//evil.example", "/"],
    ["https://evil.example", "/"],
    ["/\\evil.example", "/"],
    ["/sign-in?to=/x", "/"],
    ["/waiting", "/"],
    [undefined, "/"],
    [["/a", "/b"], "/"],
  ])("%j leads to %s", (asked, path) => {
    expect(destination(asked)).toBe(path);
  });
});

describe("the screens", () => {
  it("have names, titles in both languages, and addresses of their own", () => {
    expect(screens.length).toBeGreaterThan(5);
    expect(new Set(screens.map((screen) => screen.name)).size).toBe(screens.length);
    expect(new Set(screens.map((screen) => screen.path)).size).toBe(screens.length);
    for (const screen of screens) {
      expect(screen.title.en).not.toBe("");
      expect(screen.title.de).not.toBe("");
      expect(screen.admin ?? false).toBe(screen.path.startsWith("/admin/"));
    }
  });
});
