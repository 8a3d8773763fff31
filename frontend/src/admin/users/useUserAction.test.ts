import { describe, expect, it } from "vitest";

import type { UserEntry } from "@/api/admin";

import { actionsFor } from "./useUserAction";

const ada = { role: "member", state: "active", sessions: 2 } as UserEntry;

describe("what can be done to an account", () => {
  it("is what makes sense in its state", () => {
    expect(actionsFor(ada)).toEqual(["promote", "sessions", "disable", "remove"]);
    expect(actionsFor({ ...ada, state: "disabled", sessions: 0 })).toEqual(["enable", "remove"]);
    expect(actionsFor({ ...ada, role: "admin" })).toEqual(["demote", "sessions", "disable", "remove"]);
  });

  it("makes no administrator of a program", () => {
    expect(actionsFor({ ...ada, role: "service" })).toEqual(["disable", "remove"]);
  });
});
