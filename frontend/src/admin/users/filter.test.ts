import { describe, expect, it } from "vitest";

import { readFilter, writeFilter } from "./filter";

describe("the filter of the accounts", () => {
  it("is the same after it was in the address of the page", () => {
    const query = { q: "ada", role: "admin", state: "disabled" };
    expect(writeFilter(readFilter(query))).toEqual(query);
  });

  it("leaves out what there is not", () => {
    expect(writeFilter(readFilter({ q: "  ", role: "king", state: ["active", "pending"] }))).toEqual({});
  });
});
