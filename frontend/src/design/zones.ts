/** Return the names of all time zones, that of this browser and UTC first. */
export function timeZones(): string[] {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return [...new Set([own, "UTC", ...Intl.supportedValuesOf("timeZone")])].filter((zone) => zone !== "");
}

/** Return the zones in whose name every word of a search occurs: `new york` finds `America/New_York`. */
export function findZones(zones: readonly string[], search: string): string[] {
  const words = search
    .toLowerCase()
    .split(/[\s_/]+/)
    .filter(Boolean);
  return zones.filter((zone) => words.every((word) => zone.toLowerCase().includes(word)));
}
