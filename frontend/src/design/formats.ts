import { type ComputedRef, computed, inject, type InjectionKey, type Ref } from "vue";

import { language } from "@/i18n";

import { serverNow } from "./clock";
import { formatBytes, formatCount, formatNumber, formatPercent } from "./numbers";
import {
  type TimeStyle,
  formatClock,
  formatDate,
  formatDuration,
  formatExact,
  formatRelative,
  formatTimeOfDay,
  formatTimeWithSeconds,
} from "./time";

/** What the shell provides: the zone and the hours that the user prefers. */
export const TIME_PREFERENCES: InjectionKey<Readonly<Ref<{ zone: string | null; hours: "12" | "24" | null }>>> = Symbol("time preferences");

export interface Formats {
  style: ComputedRef<TimeStyle>;
  count: (count: number) => string;
  number: (number: number) => string;
  percent: (fraction: number) => string;
  bytes: (bytes: number) => string;
  /** A length in seconds. */
  duration: (seconds: number) => string;
  clock: (seconds: number) => string;
  /** An instant of the server, beside `now` in milliseconds. */
  relative: (at: string, now?: number) => string;
  date: (at: string) => string;
  exact: (at: string) => string;
  time_of_day: (at: string | number) => string;
  time_with_seconds: (at: string) => string;
}

/** Return the formats of numbers and times in the language, zone and hours of the user. They follow when these change. */
export function useFormats(): Formats {
  const preferred = inject(TIME_PREFERENCES, null);
  const style = computed<TimeStyle>(() => ({
    locale: language.value,
    zone: preferred?.value.zone ?? null,
    hours: preferred?.value.hours ?? null,
  }));
  const locale = (): string => style.value.locale;
  return {
    style,
    count: (count) => formatCount(count, locale()),
    number: (number) => formatNumber(number, locale()),
    percent: (fraction) => formatPercent(fraction, locale()),
    bytes: (bytes) => formatBytes(bytes, locale()),
    duration: (seconds) => formatDuration(seconds, locale()),
    clock: formatClock,
    relative: (at, now = serverNow()) => formatRelative(Date.parse(at), now, style.value),
    date: (at) => formatDate(Date.parse(at), serverNow(), style.value),
    exact: (at) => formatExact(Date.parse(at), style.value),
    time_of_day: (at) => formatTimeOfDay(typeof at === "string" ? Date.parse(at) : at, style.value),
    time_with_seconds: (at) => formatTimeWithSeconds(Date.parse(at), style.value),
  };
}
