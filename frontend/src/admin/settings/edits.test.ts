import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { SettingsV1 } from "@/api/admin";

import examples from "../../../../tests/bff/golden/SettingsV1.json";
import { bodyOf, conflictsOf, edit, rebase, sameValue, settingsOf } from "./edits";

const settings = settingsOf((examples.full as unknown as SettingsV1).groups ?? []);
function find(key: string): (typeof settings)[number] {
  const found = settings.find((setting) => setting.key === key);
  if (found === undefined) throw new Error(`there is no setting ${key}`);
  return found;
}
const changed = (key: string, value: unknown): typeof settings =>
  settings.map((setting) => (setting.key === key ? { ...setting, value } : setting));

describe("settings that are being edited", () => {
  it("are sent whole, without those that have their default", () => {
    const body = bodyOf(settings, new Map([["banner", "Back at 23:00"]]));
    expect(body.banner).toBe("Back at 23:00");
    expect(body.registration).toBe("closed");
    expect(body).not.toHaveProperty("own_limits");
  });

  it("are left out when they were put back to their default", () => {
    expect(bodyOf(settings, new Map([["registration", "open"]]))).not.toHaveProperty("registration");
  });

  it("are no edit once the value is what holds", () => {
    const edits = edit(new Map(), find("limits"), { submissions: 5, reads: null, streams: null });
    expect(edits.size).toBe(1);
    expect(edit(edits, find("limits"), { streams: null, submissions: 1200, reads: null }).size).toBe(0);
  });

  it("are in conflict only where somebody else has changed the same one to something else", () => {
    const edits = new Map<string, unknown>([["banner", "mine"]]);
    expect(conflictsOf(settings, changed("registration", "open"), edits)).toEqual([]);
    expect(conflictsOf(settings, changed("banner", "mine"), edits)).toEqual([]);
    const [conflict] = conflictsOf(settings, changed("banner", "theirs"), edits);
    expect(conflict).toMatchObject({ mine: "mine", theirs: "theirs" });
  });

  it("are not edits any more when somebody else has said the same", () => {
    expect(rebase(new Map([["banner", "mine"]]), changed("banner", "mine")).size).toBe(0);
    expect(rebase(new Map([["banner", "mine"]]), changed("banner", "theirs")).size).toBe(1);
  });
});

describe("two JSON values", () => {
  it("are the same when their texts mean the same", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(sameValue(value, JSON.parse(JSON.stringify(value)))).toBe(true);
      }),
    );
  });

  it("differ when anything in them does", () => {
    const pairs: [unknown, unknown][] = [
      [{}, []],
      [null, {}],
      [
        [1, 2],
        [2, 1],
      ],
      [{ a: 1 }, { b: 1 }],
      [{ a: undefined }, { b: undefined }],
      [0, "0"],
    ];
    for (const [one, other] of pairs) expect(sameValue(one, other)).toBe(false);
  });
});
