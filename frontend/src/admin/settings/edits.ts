import type { RunTimeSettings, Setting, SettingGroup } from "@/api/admin";

/** The values that somebody has changed on the page and not saved, by key. */
export type Edits = ReadonlyMap<string, unknown>;

/** Return all settings of all groups. */
export function settingsOf(groups: readonly SettingGroup[]): Setting[] {
  return groups.flatMap(({ settings }) => settings);
}

/** Whether two JSON values are the same. The order of the fields of an object says nothing. */
export function sameValue(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = Object.keys(one);
  if (keys.length !== Object.keys(other).length) return false;
  return keys.every(
    (key) => Object.hasOwn(other, key) && sameValue((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]),
  );
}

/** Return the edits with one more value. A value that is what holds already is no edit. */
export function edit(edits: Edits, setting: Setting, value: unknown): Edits {
  const next = new Map(edits);
  if (sameValue(setting.value, value)) next.delete(setting.key);
  else next.set(setting.key, value);
  return next;
}

/** Return the body of the change: every setting that differs from its default, because what is left out gets its default. */
export function bodyOf(settings: readonly Setting[], edits: Edits): RunTimeSettings {
  const values = settings.map((setting): [string, unknown] => [
    setting.key,
    edits.has(setting.key) ? edits.get(setting.key) : setting.value,
  ]);
  const defaults = new Map(settings.map((setting) => [setting.key, setting.default]));
  return Object.fromEntries(values.filter(([key, value]) => !sameValue(value, defaults.get(key))));
}

/** A setting that somebody else has changed while it was being edited here. */
export interface Conflict {
  setting: Setting;
  mine: unknown;
  theirs: unknown;
}

/** Return the edits of settings that others have changed since `before`, which is what the editing began with. */
export function conflictsOf(before: readonly Setting[], now: readonly Setting[], edits: Edits): Conflict[] {
  const values = new Map(before.map((setting) => [setting.key, setting.value]));
  return now
    .filter(({ key, value }) => edits.has(key) && !sameValue(values.get(key), value) && !sameValue(edits.get(key), value))
    .map((setting) => ({ setting, mine: edits.get(setting.key), theirs: setting.value }));
}

/** Return the edits that are still edits beside the settings as they are now. */
export function rebase(edits: Edits, now: readonly Setting[]): Edits {
  const values = new Map(now.map((setting) => [setting.key, setting.value]));
  return new Map([...edits].filter(([key, value]) => values.has(key) && !sameValue(values.get(key), value)));
}

/** Return the newest change of any setting: who has made it, and when. */
export function newestChange(settings: readonly Setting[]): Setting["changed"] {
  const changes = settings.flatMap(({ changed }) => (changed === null ? [] : [changed]));
  return changes.sort((one, other) => Date.parse(other.at) - Date.parse(one.at)).at(0) ?? null;
}
