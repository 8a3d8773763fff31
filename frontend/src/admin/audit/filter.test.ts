import { describe, expect, it } from "vitest";

import { queryOf, readFilter, writeFilter } from "./filter";

describe("the filter of the audit", () => {
  it("is the same after it was in the address of the page", () => {
    const query = { actor: "01980f6e-0000-7000-8000-00000000ada0", action: "key.created", since: "2026-03-01T09:15:00Z" };
    expect(writeFilter(readFilter(query))).toEqual(query);
  });

  it("leaves out what the API would refuse", () => {
    const filter = readFilter({ actor: "two words", target: ["a", "b"], since: "yesterday", before: null, action: "cookies.eaten" });
    expect(queryOf(filter, ["key.created"])).toEqual({});
  });
});
