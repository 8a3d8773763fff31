import { type DataTag, keepPreviousData, useQuery, useQueryClient } from "@tanstack/vue-query";
import { type ComputedRef, type Ref, computed, inject, onScopeDispose, ref, shallowRef, watch } from "vue";
import { useRoute } from "vue-router";

import type { ApiError } from "@/api/errors";
import { setServerTime } from "@/design/clock";

import type { LiveEvent } from "./events";
import { FEEDS, type Mount, feedOf } from "./feed";
import { type Position, isLater, laterOf } from "./position";
import { type Pace, createPace } from "./pace";
import { type Reduce, type ScreenData, bringUpToDate, hasGap, noteAnswer, noteSame } from "./upToDate";

// Ten times a second is as fast as anybody reads a list; a hidden page only keeps its title right.
const SHOWN_MILLISECONDS = 100;
const HIDDEN_MILLISECONDS = 1_000;
const REFETCH_MILLISECONDS = 2_000;
// After an answer that is not what was asked for, or none.
const AGAIN_MILLISECONDS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000] as const;

/** What a screen does with events. */
export interface ScreenOptions<Data> {
  /** Return the screen after an event. Without it, the screen is only asked for. */
  reduce?: Reduce<Data>;
  /** Whether an event makes the screen be asked for again. */
  refetch_on?: (event: LiveEvent, screen: Data) => boolean;
  /** At most so often. */
  every_ms?: number;
  /** Whether the screen is asked for at all. */
  enabled?: () => boolean;
  /** Whether what was shown stays while another query is answered, as for a list with another filter. */
  keep_previous?: boolean;
  /** Put onto an answer what is known besides, as from the stream of one task. */
  onto?: (screen: Data) => Data;
  /** Whose events; by default those of the part of the application that is shown. */
  mount?: Mount;
}

/** A screen, and how true it is. */
export interface Screen<Data> {
  data: ComputedRef<Data | undefined>;
  /** Why it could not be asked for, at the last try. What was known before stays in `data`. */
  error: ComputedRef<ApiError | null>;
  /** Nothing is there yet, and nothing has failed. */
  pending: ComputedRef<boolean>;
  fetching: ComputedRef<boolean>;
  /** When it failed first since it last succeeded. */
  failed_since: Ref<string | null>;
  /** Events were missed. The rows stay until a new answer is there. */
  resetting: Ref<boolean>;
  /** Ask again; the answer reflects at least this position. */
  refetch: (at_least?: Position) => void;
  /** Change what is shown, until the next answer. */
  patch: (change: (screen: Data) => Data) => void;
}

interface Query {
  queryKey: readonly unknown[];
}
type DataOf<Options extends Query> = Options["queryKey"] extends DataTag<unknown, infer Data, unknown> ? Data : never;

/**
 * Show a screen: ask for it, and keep it right by the events that follow its answer.
 *
 * @param options - Gives the options of the generated client for the screen.
 * @param live - What events do to it.
 */
export function useScreen<Options extends Query>(
  options: () => Options,
  live: ScreenOptions<DataOf<Options> & ScreenData> = {},
): Screen<DataOf<Options> & ScreenData> {
  type Data = DataOf<Options> & ScreenData;
  const client = useQueryClient();
  const feed = inject(FEEDS, () => feedOf, true)(live.mount ?? mountOf(useRoute().path));
  const reduce: Reduce<Data> = live.reduce ?? ((screen) => screen);
  const resetting = ref(false);
  const failed_since = ref<string | null>(null);
  const failure = shallowRef<ApiError | null>(null);
  const at_least = shallowRef<Position | null>(null);
  let again = 0;
  let is_covering = false;
  let is_wanted = false;
  let again_timer: ReturnType<typeof setTimeout> | undefined;

  const query = useQuery(
    computed(() => {
      const asked = options();
      return {
        queryKey: asked.queryKey,
        queryFn: (context: object) => ask(asked, context),
        enabled: live.enabled?.() ?? true,
        structuralSharing: false as const,
        // Whether there is a network says the connection; a request says itself that nothing answers.
        networkMode: "always" as const,
        shallow: true,
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
        // A failure is said at once; it is asked for again below, with what was said still there.
        retry: false,
        ...(live.keep_previous === true ? { placeholderData: keepPreviousData } : {}),
      };
    }),
  );

  async function ask(asked: Query, context: object): Promise<Data> {
    const wanted = at_least.value;
    const asked_at = performance.now();
    const fetchScreen = (asked as Query & { queryFn: (context: object) => Promise<Data> }).queryFn;
    const answer = await fetchScreen({ ...context, queryKey: withAtLeast(asked.queryKey, wanted) });
    noteAnswer(answer, feed.ring, asked_at);
    noteServerTime(answer.at);
    const position = answer.position ?? null;
    if (position !== null) feed.offer(position);
    if (wanted !== null && position !== null && !isLater(wanted, position)) at_least.value = null;
    // What is between the answer and the ring comes first.
    const current = hasGap(answer, feed.ring) ? answer : bringUpToDate(answer, feed.ring, reduce, see);
    const complete = live.onto?.(current) ?? current;
    noteSame(complete, current);
    return complete;
  }

  const data = computed(() => query.data.value as Data | undefined);
  const shown = (): Data | undefined => client.getQueryData<Data>(options().queryKey);

  function refetch(position?: Position): void {
    at_least.value = laterOf(at_least.value, position ?? null);
    void query.refetch({ cancelRefetch: true });
  }

  const refetch_pace: Pace = createPace(
    () => {
      // An answer that takes longer than events let it is not thrown away; the next one is asked for when it is there.
      is_wanted = query.isFetching.value;
      if (!is_wanted) refetch(isOfLog(shown()) ? (feed.ring.heard ?? undefined) : undefined);
    },
    () => live.every_ms ?? REFETCH_MILLISECONDS,
  );
  const flush_pace: Pace = createPace(flush, () => (document.hidden ? HIDDEN_MILLISECONDS : SHOWN_MILLISECONDS));

  function flush(): void {
    const before = shown();
    if (before === undefined) return;
    if (is_covering) return;
    if (hasGap(before, feed.ring) && !resetting.value) {
      void closeGap(before);
      return;
    }
    const after = bringUpToDate(before, feed.ring, reduce, see);
    if (after !== before) client.setQueryData(options().queryKey, after);
    if (!is_wanted || query.isFetching.value) return;
    is_wanted = false;
    refetch_pace.ask();
  }

  function see(event: LiveEvent, screen: Data): void {
    is_wanted ||= live.refetch_on?.(event, screen) === true;
  }

  async function closeGap(screen: Data): Promise<void> {
    resetting.value = is_covering = true;
    const is_covered = typeof screen.position === "string" && (await feed.cover(screen.position));
    is_covering = false;
    if (is_covered) resetting.value = false;
    else refetch(feed.ring.heard ?? undefined);
    flush();
  }

  // An answer that does not reach what was asked for, one with old parts, and none at all are asked for again, less and less often.
  watch([query.dataUpdatedAt, query.errorUpdatedAt], () => {
    const screen = shown();
    const failed = query.error.value;
    failure.value = failed;
    failed_since.value = failed === null ? null : (failed_since.value ?? new Date().toISOString());
    clearTimeout(again_timer);
    const is_behind = at_least.value !== null || (screen?.stale?.length ?? 0) > 0;
    if (failed === null && !is_behind) {
      again = 0;
      resetting.value = false;
    } else if (failed?.status === 400 && at_least.value !== null) {
      // The log has lost the position.
      at_least.value = null;
      refetch();
    } else if (failed === null || failed.unreachable || failed.status >= 500 || failed.status === 429) {
      again_timer = setTimeout(() => refetch(), AGAIN_MILLISECONDS[Math.min(again, AGAIN_MILLISECONDS.length - 1)]);
      again += 1;
    }
    flush_pace.ask();
  });

  let is_missing = false;

  function askWhenShown(): void {
    // Thirty tabs in the background do not ask all at once.
    is_missing = document.hidden;
    if (!is_missing) refetch_pace.ask();
  }

  function whenShown(): void {
    if (document.hidden) return;
    flush_pace.ask();
    if (is_missing) askWhenShown();
  }

  function reset(position: Position): void {
    if (!isOfLog(shown())) return;
    // What was wanted before may be a position that there is not any more.
    at_least.value = null;
    resetting.value = true;
    refetch(position);
  }

  function begun(): void {
    // A screen with a position gets the events since then; one without has hints only, and these begin here.
    if (!isOfLog(shown())) askWhenShown();
  }

  const stop = feed.listen({ changed: () => flush_pace.ask(), begun, missed: askWhenShown, reset });
  document.addEventListener("visibilitychange", whenShown);
  onScopeDispose(() => {
    stop();
    document.removeEventListener("visibilitychange", whenShown);
    flush_pace.stop();
    refetch_pace.stop();
    clearTimeout(again_timer);
  });

  return {
    data,
    error: computed(() => failure.value),
    pending: computed(() => query.data.value === undefined && failure.value === null),
    fetching: computed(() => query.isFetching.value),
    failed_since,
    resetting,
    refetch,
    patch(change) {
      const before = shown();
      if (before === undefined) return;
      const after = change(before);
      if (after === before) return;
      noteSame(after, before);
      client.setQueryData(options().queryKey, after);
    },
  };
}

// A remembered answer, which the server has only said is still right, has the time of when it was new.
let newest_at = "";

function noteServerTime(at: string): void {
  if (at <= newest_at) return;
  newest_at = at;
  setServerTime(at);
}

/** Return whose events the screens at a path show. */
export function mountOf(path: string): Mount {
  return path.startsWith("/admin") ? "admin" : "member";
}

function isOfLog(screen: ScreenData | undefined): boolean {
  return typeof screen?.position === "string";
}

function withAtLeast(key: readonly unknown[], at_least: Position | null): readonly unknown[] {
  if (at_least === null) return key;
  const [first] = key as readonly [{ query?: object }];
  return [{ ...first, query: { ...first.query, at_least } }];
}
