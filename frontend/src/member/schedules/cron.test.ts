import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { CRON_LENGTH_MAX, describeCron, shortenCron } from "./cron";

// Every instant that a field matches, read independently of the code under test.
function spellOut(field: string, least: number, greatest: number): number[] {
  return field.split(",").flatMap((part) => {
    const [range, step] = part.split("/");
    const [from, to] = range === "*" ? [least, greatest] : (range ?? "").split("-").map(Number);
    const all = [];
    for (let value = from ?? 0; value <= (to ?? from ?? 0); value += Number(step ?? 1)) all.push(value);
    return all;
  });
}

describe("an expression that the API has spelled out", () => {
  it("is written as people do", () => {
    expect(shortenCron("0 30 9 * * 1,2,3,4,5")).toBe("0 30 9 * * 1-5");
    expect(shortenCron("0 0,15,30,45 * * * *")).toBe("0 */15 * * * *");
    expect(shortenCron("0,10,20,30,40,50 * * * * *")).toBe("*/10 * * * * *");
    expect(shortenCron("0 0 0,1,2,3,4,5,6 * * 0")).toBe("0 0 0-6 * * 0");
    expect(shortenCron("0 0 9,17 * * 1,3,5")).toBe("0 0 9,17 * * 1,3,5");
  });

  it("keeps a list that only begins like a step", () => {
    expect(shortenCron("0 0,15,30 * * * *")).toBe("0 0,15,30 * * * *");
    expect(shortenCron("0 0,7,14,21,28,35,42,49,56 * * * *")).toBe("0 */7 * * * *");
  });

  it("has no step in its days, which would change what the other field of days means", () => {
    expect(shortenCron("0 0 9 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31 * 1")).not.toContain("*/");
  });

  it("stays as it is when it is no list of numbers, or has too few fields", () => {
    for (const cron of ["0 0 9 * * MON-FRI", "*/15 * * * * *", "0 9 * * 1,2,3", "", "0 0 9 * * 1,,2"]) {
      expect(shortenCron(cron)).toBe(cron);
    }
  });

  it("matches the same instants however it is shortened", () => {
    const list = (least: number, greatest: number) =>
      fc
        .uniqueArray(fc.integer({ min: least, max: greatest }), { minLength: 1, maxLength: 60 })
        .map((numbers) => numbers.sort((a, b) => a - b));
    const bounds = [
      [0, 59],
      [0, 59],
      [0, 23],
      [1, 31],
      [1, 12],
      [0, 6],
    ] as const;
    fc.assert(
      fc.property(fc.tuple(...bounds.map(([least, greatest]) => list(least, greatest))), (fields) => {
        const shortened = shortenCron(fields.map((numbers) => numbers.join(",")).join(" ")).split(" ");
        fields.forEach((numbers, index) => {
          const [least, greatest] = bounds[index] ?? [0, 0];
          expect(spellOut(shortened[index] ?? "", least, greatest)).toEqual(numbers);
        });
      }),
    );
  });
});

describe("an expression in words", () => {
  it("is said in the language and in the hours of the reader", async () => {
    expect(await describeCron("0 30 9 * * 1,2,3,4,5", "en", null)).toBe("At 09:30, Monday through Friday");
    expect(await describeCron("0 30 9 * * 1-5", "en", "12")).toBe("At 09:30 AM, Monday through Friday");
    expect(await describeCron("0 30 9 * * 1-5", "de", "24")).toBe("Um 09:30, Montag bis Freitag");
    expect(await describeCron("0 0,15,30,45 * * * *", "de", null)).toBe("Alle 15 Minuten");
  });

  it("is none when it is not one, has five fields, or is too long to be spelled out", async () => {
    for (const cron of ["nonsense", "0 9 * * *", "0 0 9 * * 9-99", `0 0 9 * * ${"1,".repeat(CRON_LENGTH_MAX)}1`]) {
      expect(await describeCron(cron, "en", null)).toBeNull();
    }
  });
});
