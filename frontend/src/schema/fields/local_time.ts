const MINUTE_MILLISECONDS = 60_000;

/** Return an instant as a control for local times takes it: `2026-03-01T10:30:00`, in the zone of this machine. */
export function toLocal(instant: string): string {
  const at = new Date(instant);
  if (Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * MINUTE_MILLISECONDS).toISOString().slice(0, 19);
}

/** Return the instant of a local time; null of an empty one. */
export function fromLocal(local: string): string | null {
  const at = new Date(local);
  return local === "" || Number.isNaN(at.getTime()) ? null : at.toISOString().replace(".000Z", "Z");
}
