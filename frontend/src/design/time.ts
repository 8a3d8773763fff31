import { formatCount } from "./numbers";

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

/** How times are written: the language, the zone (an IANA name; the browser's without one), and how many hours a day has. */
export interface TimeStyle {
  locale: string;
  zone: string | null;
  hours: "12" | "24" | null;
}

interface Words {
  now: string;
  past: (amount: string) => string;
  future: (amount: string) => string;
}
const WORDS: Record<string, Words> = {
  en: { now: "now", past: (amount) => `${amount} ago`, future: (amount) => `in ${amount}` },
  de: { now: "jetzt", past: (amount) => `vor ${amount}`, future: (amount) => `in ${amount}` },
};
// A number and its unit stay in one line.
const SPACE = "\u00a0";
const DAYS: Record<string, string> = { en: "d", de: "T." };

const formats = new Map<string, Intl.DateTimeFormat>();

function format(style: TimeStyle, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const zone = style.zone ?? undefined;
  const cycle = style.hours === null ? undefined : style.hours === "12" ? "h12" : "h23";
  const key = JSON.stringify([style.locale, zone, cycle, options]);
  let known = formats.get(key);
  if (known === undefined) {
    // A short en-US date is month first, which most of the world misreads.
    const locale = style.locale === "en" ? "en-GB" : style.locale;
    known = new Intl.DateTimeFormat(locale, {
      ...options,
      ...(zone === undefined ? {} : { timeZone: zone }),
      ...(cycle === undefined ? {} : { hourCycle: cycle }),
    });
    formats.set(key, known);
  }
  return known;
}

/**
 * How long something took or has been going on, in seconds: `0.4 s`, `9 s`, `4 min 12 s`, `2 h 5 min`, `3 d 4 h`.
 *
 * The two greatest units are named, and nothing is rounded up to a unit that it has not reached.
 */
export function formatDuration(seconds: number, locale: string): string {
  const length = Math.max(0, seconds);
  if (length < 0.0095) return `${formatCount(length * 1000, locale)}${SPACE}ms`;
  if (length < 9.95) return `${new Intl.NumberFormat(locale, { maximumFractionDigits: length < 0.095 ? 2 : 1 }).format(length)}${SPACE}s`;
  const whole = Math.floor(length);
  if (whole < MINUTE) return `${String(whole)}${SPACE}s`;
  if (whole < HOUR) return join(Math.floor(whole / MINUTE), "min", whole % MINUTE, "s");
  if (whole < DAY) return join(Math.floor(whole / HOUR), "h", Math.floor((whole % HOUR) / MINUTE), "min");
  return join(Math.floor(whole / DAY), DAYS[locale] ?? "d", Math.floor((whole % DAY) / HOUR), "h", locale);
}

function join(many: number, unit: string, rest: number, smaller: string, locale = "en"): string {
  const first = `${formatCount(many, locale)}${SPACE}${unit}`;
  return rest === 0 ? first : `${first}${SPACE}${String(rest)}${SPACE}${smaller}`;
}

/** A running clock: `0:14`, `4:09`, `1:02:45`. It has the same width from one second to the next. */
export function formatClock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const padded = (part: number): string => String(part).padStart(2, "0");
  const minutes = Math.floor((whole % HOUR) / MINUTE);
  return whole < HOUR
    ? `${String(minutes)}:${padded(whole % MINUTE)}`
    : `${String(Math.floor(whole / HOUR))}:${padded(minutes)}:${padded(whole % MINUTE)}`;
}

/**
 * When something was or will be, as a list shows it: the greatest unit under a day (`4 min ago`, `in 2 h`), else the date.
 *
 * `at` and `now` are in milliseconds since 1970.
 */
export function formatRelative(at: number, now: number, style: TimeStyle): string {
  const words = WORDS[style.locale] ?? (WORDS["en"] as Words);
  const seconds = Math.round((now - at) / 1000);
  const distance = Math.abs(seconds);
  // The clock of a page moves once a second, so what has just happened may be up to a second before it.
  if (distance < 1 || seconds === -1) return words.now;
  if (distance >= DAY) return formatDate(at, now, style);
  const amount =
    distance < MINUTE
      ? `${String(distance)}${SPACE}s`
      : distance < HOUR
        ? `${String(Math.floor(distance / MINUTE))}${SPACE}min`
        : `${String(Math.floor(distance / HOUR))}${SPACE}h`;
  return seconds > 0 ? words.past(amount) : words.future(amount);
}

/** A date with its time; the year only where it is another one. */
export function formatDate(at: number, now: number, style: TimeStyle): string {
  const same = format(style, { year: "numeric" }).format(at) === format(style, { year: "numeric" }).format(now);
  return format(style, {
    day: "numeric",
    month: "short",
    ...(same ? {} : { year: "numeric" }),
    hour: "2-digit",
    minute: "2-digit",
  }).format(at);
}

/** The time of the day, to the minute. */
export function formatTimeOfDay(at: number, style: TimeStyle): string {
  return format(style, { hour: "2-digit", minute: "2-digit" }).format(at);
}

/** The time of the day, to the second, as lines of a log have it. */
export function formatTimeWithSeconds(at: number, style: TimeStyle): string {
  return format(style, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(at);
}

/** The exact time with its zone and the same in UTC, for who hovers. */
export function formatExact(at: number, style: TimeStyle): string {
  const local = format(style, {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    fractionalSecondDigits: 3,
    timeZoneName: "short",
  }).format(at);
  return `${local} · ${new Date(at).toISOString()}`;
}
