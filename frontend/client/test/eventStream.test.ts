// @vitest-environment node
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { EventStreamParser, type Frame } from "../src/eventStream.js";

function parse(text: string, cuts: number[] = []): Frame[] {
  const bytes = new TextEncoder().encode(text);
  const parser = new EventStreamParser();
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((one, other) => one - other);
  return [0, ...places].flatMap((from, index) => parser.feed(bytes.slice(from, places[index] ?? bytes.length)));
}

describe("a stream of events", () => {
  it("has names, data of several lines, ids that stay, and pauses", () => {
    const text = "\uFEFFid: 1-2\nevent: started\ndata: a\ndata:b\n\n: a comment\n\nevent:beat\ndata\n\nretry: 300\nretry: x\n\n";
    expect(parse(text)).toEqual([
      { event: "started", id: "1-2", data: "a\nb" },
      { event: "beat", id: "1-2", data: "" },
      { event: "", id: "1-2", data: "", retry: 300 },
    ]);
  });

  it("has blocks that only move the cursor", () => {
    expect(parse("id: 1-2\n\nid: 1-\0\n\n")).toEqual([{ event: "", id: "1-2", data: "" }]);
  });

  it("is the same however it is cut, and with each kind of line end", () => {
    const line = fc.constantFrom("id: 1-7", "event: ärger", "data: {}", "data: 𝄞", "retry: 5", ": comment", "", "");
    fc.assert(
      fc.property(fc.array(line), fc.constantFrom("\n", "\r\n", "\r"), fc.array(fc.nat()), (lines, end, cuts) => {
        const whole = lines.map((each) => `${each}\n`).join("");
        expect(parse(whole.replaceAll("\n", end), cuts)).toEqual(parse(whole));
      }),
      { numRuns: 200 },
    );
  });

  it("says how much of a block is kept that is not complete", () => {
    const parser = new EventStreamParser();
    parser.feed(new TextEncoder().encode("data: 12345\ndata: 678"));
    expect(parser.waiting).toBe("12345\n".length + "data: 678".length);
  });
});
