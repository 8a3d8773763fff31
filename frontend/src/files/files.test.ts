import { beforeEach, describe, expect, it } from "vitest";

import { findBegun, rememberBegun } from "./begun";
import { isAccepted, mediaTypeOf, shortTypeOf } from "./media_type";
import { addressOf } from "./put_part";
import { createTurns } from "./turns";

describe("the type of a file", () => {
  it("is what the browser says, but for what it does not know or names after a program", () => {
    expect(mediaTypeOf({ name: "a.png", type: "image/png" })).toBe("image/png");
    expect(mediaTypeOf({ name: "a.CSV", type: "application/vnd.ms-excel" })).toBe("text/csv");
    expect(mediaTypeOf({ name: "a.parquet", type: "" })).toBe("application/vnd.apache.parquet");
    expect(mediaTypeOf({ name: "Makefile", type: "" })).toBe("application/octet-stream");
  });

  it("is said in few letters", () => {
    expect(["text/plain; charset=utf-8", "application/vnd.apache.parquet", "application/json"].map(shortTypeOf)).toEqual([
      "text/plain",
      "PARQUET",
      "application/json",
    ]);
  });

  it("is taken by a field that names it, its family, or nothing", () => {
    expect(isAccepted("image/png", ["image/*"])).toBe(true);
    expect(isAccepted("text/csv; charset=utf-8", ["text/csv"])).toBe(true);
    expect(isAccepted("imagex/png", ["image/*"])).toBe(false);
    expect(isAccepted("text/html", [])).toBe(true);
  });
});

describe("where a part is sent", () => {
  it("is the origin of the page for an address of the API, whatever that is called there, and else the store", () => {
    const part = "/api/v1/files/f1/parts/2?expires=1&signature=x";
    expect(addressOf(`http://127.0.0.1:8080${part}`, "http://localhost:8080")).toBe(part);
    const store = "https://s3.example.com/bucket/quarantine/ada/f1/00002?X-Amz-Signature=x";
    expect(addressOf(store, "http://localhost:8080")).toBe(store);
  });
});

describe("uploads that were begun", () => {
  beforeEach(() => {
    localStorage.clear();
  });
  const file = { name: "a b.csv", size: 12, lastModified: 1 };

  it("are found again by the same file, and not by one that was changed", () => {
    rememberBegun(file, "f1");
    expect(findBegun(file)).toBe("f1");
    expect(findBegun({ ...file, lastModified: 2 })).toBeNull();
    rememberBegun(file, null);
    expect(findBegun(file)).toBeNull();
  });

  it("are none when the storage has something else", () => {
    localStorage.setItem("headrace-uploads", '{"a": 1}');
    expect(findBegun(file)).toBeNull();
  });
});

describe("turns", () => {
  it("lets so many at a time, in the order in which they asked", async () => {
    const turns = createTurns(2);
    const began: number[] = [];
    const ends: (() => void)[] = [];
    const all = [1, 2, 3, 4].map((each) =>
      turns.take(async () => {
        began.push(each);
        await new Promise<void>((resolve) => ends.push(resolve));
      }),
    );
    expect(began).toEqual([1, 2]);
    for (let at = 0; at < 4; at += 1) {
      ends[at]?.();
      await all[at];
    }
    expect(began).toEqual([1, 2, 3, 4]);
  });
});
