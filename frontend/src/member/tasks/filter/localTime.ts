/** Return an instant as the value of an input of a local date and time, to the minute, in the zone of this browser. */
export function toLocal(instant: string | null): string {
  if (instant === null) return "";
  const date = new Date(instant);
  const part = (value: number, digits = 2): string => String(value).padStart(digits, "0");
  const day = `${part(date.getFullYear(), 4)}-${part(date.getMonth() + 1)}-${part(date.getDate())}`;
  return `${day}T${part(date.getHours())}:${part(date.getMinutes())}`;
}

/** Return the instant of such a value; null when it is none. */
export function toInstant(local: string): string | null {
  const date = new Date(local);
  return local === "" || Number.isNaN(date.getTime()) ? null : date.toISOString();
}
