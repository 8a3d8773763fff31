const formats = new Map<string, Intl.NumberFormat>();

function format(locale: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = locale + JSON.stringify(options);
  let known = formats.get(key);
  if (known === undefined) formats.set(key, (known = new Intl.NumberFormat(locale, options)));
  return known;
}

/** `1,204` in English, `1.204` in German. */
export function formatCount(count: number, locale: string): string {
  return format(locale, { maximumFractionDigits: 0 }).format(count);
}

/** A rate or another number, with at most one digit behind the comma and none from ten on. */
export function formatNumber(number: number, locale: string): string {
  return format(locale, { maximumFractionDigits: Math.abs(number) < 10 ? 1 : 0 }).format(number);
}

/** A fraction from 0 to 1 as percent. It says 100 % only when nothing is left, and 0 % only when nothing is done: `<1%` before the first. */
export function formatPercent(fraction: number, locale: string): string {
  const bounded = Math.min(1, Math.max(0, fraction));
  const whole = bounded < 1 && bounded > 0 ? Math.min(99, Math.max(1, Math.round(bounded * 100))) : Math.round(bounded * 100);
  const text = format(locale, { style: "percent" }).format(whole / 100);
  return bounded > 0 && bounded < 0.01 ? `<${text}` : text;
}

const STEPS = ["B", "KB", "MB", "GB", "TB"] as const;

/** `1.2 MB`, in powers of 1,000, which is how networks and disks are sold. The unit stays in the line of its number. */
export function formatBytes(bytes: number, locale: string): string {
  let size = Math.max(0, bytes);
  let step = 0;
  while (size >= 999.5 && step < STEPS.length - 1) {
    size /= 1000;
    step += 1;
  }
  const digits = step === 0 || size >= 10 ? 0 : 1;
  return `${format(locale, { maximumFractionDigits: digits }).format(size)}\u00a0${STEPS[step] ?? "TB"}`;
}
