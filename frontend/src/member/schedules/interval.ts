/** The units in which an interval is entered, with their seconds, the greatest first. */
export const UNITS = { days: 86_400, hours: 3_600, minutes: 60, seconds: 1 } as const;
export type Unit = keyof typeof UNITS;
/** The longest interval that the API takes, in seconds: 366 days. */
export const EVERY_MAX = 31_622_400;

export interface Interval {
  amount: number;
  unit: Unit;
}

/** Return an interval in the greatest unit that divides it. */
export function intervalOf(seconds: number): Interval {
  const units = Object.entries(UNITS) as [Unit, number][];
  const [unit, length] = units.find(([, each]) => seconds % each === 0) ?? ["seconds", 1];
  return { amount: seconds / length, unit };
}

/** Return the seconds of an interval. */
export function secondsOf({ amount, unit }: Interval): number {
  return Math.round(amount * UNITS[unit]);
}
