import { defineStore } from "pinia";
import { computed, shallowRef } from "vue";

import { signOut } from "@/api/core";
import { ApiError } from "@/api/errors";
import { forgetAnswers } from "@/api/etags";
import type { SessionV1 } from "@/api/member";
import { showSession } from "@/api/member";
import { forgetExpiry, onSignedOut } from "@/api/refresh";
import { setServerTime } from "@/design/clock";

/** Why a session is over, as the page of the sign-in says it. */
export type Ending = "signed_out" | "elsewhere" | "ended" | "disabled";
type Told = { kind: "is"; user: string } | { kind: "signed_out" };

export type Session = ReturnType<typeof useSession>;
const CHANNEL = "headrace-session";
const OURS = "headrace-";
const FIRST_RETRY_MILLISECONDS = 1_000;
const LAST_RETRY_MILLISECONDS = 30_000;

/** Who is signed in in this browser. All of its tabs agree: what one of them does, the others are told. */
export const useSession = defineStore("session", () => {
  const known = shallowRef<SessionV1 | null>(null);
  const asked = shallowRef(false);
  const failure = shallowRef<ApiError | null>(null);
  const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(CHANNEL);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has one origin, and takes no other argument
  const tell = (told: Told): void => channel?.postMessage(told);
  let retryNow: (() => void) | null = null;
  let first: Promise<void> | null = null;
  let leaving = false;

  const user = computed(() => known.value?.user ?? null);
  const is_admin = computed(() => user.value?.role === "admin" && user.value.state === "active");
  const features = computed(() => known.value?.features ?? { files: false, follow_links: false, registration: false });
  const csrf = computed(() => known.value?.csrf ?? null);
  const preferences = computed(() => known.value?.preferences ?? null);
  const version = computed(() => known.value?.version ?? null);

  /**
   * Ask who is signed in.
   *
   * @throws ApiError when that cannot be told at the moment. What was known before stays.
   */
  async function load(): Promise<void> {
    try {
      const { data } = await showSession({ throwOnError: true });
      adopt(data);
    } catch (cause) {
      const error = ApiError.from(cause, undefined);
      if (error.status !== 401) throw error;
      // Somebody who was never signed in has nothing to leave.
      if (known.value !== null) leave("ended");
    }
    asked.value = true;
    failure.value = null;
  }

  function adopt(next: SessionV1): void {
    const before = known.value?.user;
    if (before !== undefined && (before.id !== next.user.id || before.role !== next.user.role)) {
      // Everything on the page was answered to somebody else, or to somebody with other rights.
      location.reload();
      return;
    }
    setServerTime(next.at);
    known.value = next;
    tell({ kind: "is", user: next.user.id });
  }

  /** Wait until it is known whether somebody is signed in, however often that has to be asked. */
  function ready(): Promise<void> {
    first ??= insist();
    return first;
  }

  async function insist(): Promise<void> {
    for (let pause = FIRST_RETRY_MILLISECONDS; !asked.value; pause = Math.min(2 * pause, LAST_RETRY_MILLISECONDS)) {
      try {
        await load();
      } catch (cause) {
        failure.value = ApiError.from(cause, undefined);
        await pauseFor(Math.max(pause, (failure.value.retry_after ?? 0) * 1_000));
      }
    }
  }

  function pauseFor(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      retryNow = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Ask again at once, without waiting for the next time. */
  function retry(): void {
    retryNow?.();
  }

  /**
   * Sign out this browser, in all of its tabs.
   *
   * @throws ApiError when the API did not end the session: whoever pressed the button must not believe that it is over.
   */
  async function sign_out(): Promise<void> {
    try {
      await signOut({ throwOnError: true });
    } catch (cause) {
      const error = ApiError.from(cause, undefined);
      // The session was over already.
      if (error.status !== 401) throw error;
    }
    tell({ kind: "signed_out" });
    leave("signed_out");
  }

  /** Leave the page with everything that it has in memory, and go to the sign-in. */
  function leave(why: Ending): void {
    if (leaving) return;
    leaving = true;
    known.value = null;
    forgetAnswers();
    forgetExpiry();
    forgetDrafts();
    const here = location.pathname + location.search;
    const to = why === "signed_out" || here === "/" ? "" : `&to=${encodeURIComponent(here)}`;
    location.replace(`/sign-in?why=${why}${to}`);
  }

  channel?.addEventListener("message", ({ data }: MessageEvent<Told>) => {
    if (data.kind === "signed_out") {
      if (known.value !== null) leave("elsewhere");
    } else if (known.value === null) {
      // Somebody has signed in in another tab. When that cannot be asked now, this page stays as it is.
      if (asked.value) void load().catch(() => undefined);
    } else if (known.value.user.id !== data.user) {
      location.reload();
    }
  });
  onSignedOut((error) => {
    if (known.value !== null) leave(error.code === "account_disabled" ? "disabled" : "ended");
  });

  return { user, is_admin, features, csrf, preferences, version, asked, failure, load, ready, retry, sign_out, adopt };
});

// What screens have put aside in this tab, such as a form that was not sent.
function forgetDrafts(): void {
  try {
    for (const name of Object.keys(sessionStorage)) if (name.startsWith(OURS)) sessionStorage.removeItem(name);
  } catch {
    // A browser that refuses storage has kept nothing.
  }
}
