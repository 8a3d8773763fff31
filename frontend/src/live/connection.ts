import { defineStore } from "pinia";
import { computed, shallowRef } from "vue";

import { type Mount, feedOf } from "./feed";
import type { Position } from "./position";

export type ConnectionState = "live" | "connecting" | "reconnecting" | "stale" | "signed_out";

/** How true the page is: the connection of the part of the application that is shown. */
export const useConnection = defineStore("connection", () => {
  const mount = shallowRef<Mount>("member");
  const position = shallowRef<Position | null>(null);
  let stop = (): void => undefined;

  /** Follow the events of a mount, and no other's, until the returned function is called. */
  function show(next: Mount): () => void {
    stop();
    mount.value = next;
    const { ring, listen } = feedOf(next);
    const note = (): void => {
      position.value = ring.heard;
    };
    note();
    stop = listen({ changed: note, missed: note, reset: note });
    return stop;
  }

  const link = computed(() => feedOf(mount.value).link.value);
  return {
    show,
    position,
    state: computed<ConnectionState>(() => link.value.state),
    /** When it is tried again, in milliseconds since 1970 by the clock of this machine; null while it is tried, or need not be. */
    retry_at: computed(() => ("retry_at" in link.value ? link.value.retry_at : null)),
    /** Of what time the page is, in milliseconds since 1970 by the clock of this machine, when it is stale. */
    since: computed(() => (link.value.state === "stale" ? link.value.since : null)),
    reconnectNow: () => {
      feedOf(mount.value).reconnect();
    },
  };
});
