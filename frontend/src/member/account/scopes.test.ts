import { expect, it } from "vitest";

import { offeredScopes } from "./scopes";

it("offers for a new key what its maker may do, and nothing about files where there are none", () => {
  expect(offeredScopes(["admin", "files:read", "tasks:write", "tasks:read"], false, false)).toEqual(["tasks:read", "tasks:write", "admin"]);
  expect(offeredScopes(["files:read", "tasks:read"], true, false)).toEqual(["tasks:read", "files:read"]);
});

it("offers no administration for the key of another account", () => {
  expect(offeredScopes(["admin", "tasks:read"], false, true)).toEqual(["tasks:read"]);
});
