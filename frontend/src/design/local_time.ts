// What fields of a date and a time hold has no zone. These are of one zone: an IANA name, or null for that of the browser.

/** Return an instant as the value of a field of a local date and time, to the minute. */
export function toLocal(at: string | null, zone: string | null): string {
  if (at === null || Number.isNaN(Date.parse(at))) return "";
  return wallClock(Date.parse(at), zone).slice(0, "2026-03-02T09:15".length);
}

/**
 * Return the instant of a value of such a field, or null when it has none.
 *
 * A time that the clocks of the zone skip is the same distance after the skip; one that they show twice is the first of the two.
 */
export function toInstant(local: string, zone: string | null): string | null {
  const wanted = Date.parse(`${local}Z`);
  if (local === "" || Number.isNaN(wanted)) return null;
  const offsets = [wanted - DAY, wanted + DAY].map((at) => Date.parse(`${wallClock(at, zone)}Z`) - Math.floor(at / 1000) * 1000);
  const candidates = offsets.map((offset) => wanted - offset);
  const found = candidates.find((at) => Date.parse(`${wallClock(at, zone)}Z`) === wanted) ?? candidates[0];
  return found === undefined ? null : new Date(found).toISOString();
}

const DAY = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

function wallClock(at: number, zone: string | null): string {
  let format = formats.get(zone ?? "");
  if (format === undefined) {
    format = new Intl.DateTimeFormat("sv-SE", {
      ...(zone === null ? {} : { timeZone: zone }),
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
    });
    formats.set(zone ?? "", format);
  }
  return format.format(at).replace(" ", "T");
}
