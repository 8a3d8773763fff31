import type { Frame, TaskLiveEvent } from "./events";
import type { Position } from "./position";
import type { Link } from "./stream";
import type { Channel, LockRequest, World } from "./world";

/** What tabs say to each other. `to` names the tab that is meant; without it all are. */
export type Message =
  | { kind: "frame"; prev: Position | null; frame: Frame }
  | { kind: "link"; link: Link; heard: Position | null }
  | { kind: "hello" }
  | { kind: "wake" }
  | { kind: "offer"; position: Position }
  | { kind: "replay"; by: string; after: Position }
  | { kind: "events"; to: string; after: Position; until: Position; events: readonly TaskLiveEvent[] | null };

export interface TabsHandler {
  /** This tab leads from now on: it holds the stream for all. */
  lead: () => void;
  /** It does not any more. */
  follow: () => void;
  heard: (message: Message) => void;
}

/** The tabs of this browser that follow the same events. One of them leads. */
export interface Tabs {
  readonly id: string;
  readonly is_leading: boolean;
  join: () => void;
  leave: () => void;
  /** Tell all other tabs, together with what else is posted by then: a message costs a browser more than what it says. */
  post: (message: Message) => void;
  /** Lead instead of a tab that does not answer any more, because its browser has frozen it. */
  takeOver: () => void;
}

/** Return the tabs that share a name, of which this one is none until it joins. */
export function createTabs(world: World, name: string, handler: TabsHandler): Tabs {
  const id = Math.floor(world.random() * Number.MAX_SAFE_INTEGER).toString(36);
  let channel: Channel | null = null;
  let request: LockRequest | null = null;
  let is_leading = false;
  let is_in = false;
  let unsent: Message[] = [];

  function send(): void {
    if (unsent.length > 0) channel?.post(unsent);
    unsent = [];
  }

  function contend(steal: boolean): void {
    request = world.lock(name, steal, begin, () => {
      end();
      if (is_in) contend(false);
    });
    // Where tabs cannot share, each one leads itself.
    if (request === null) begin();
  }

  function begin(): void {
    if (!is_in || is_leading) return;
    is_leading = true;
    handler.lead();
  }

  function end(): void {
    if (!is_leading) return;
    is_leading = false;
    handler.follow();
  }

  return {
    id,
    get is_leading() {
      return is_leading;
    },
    join() {
      if (is_in) return;
      is_in = true;
      channel = world.channel(name, (messages) => {
        // Nobody else posts here; what another kind of message says is passed over where it is not understood.
        for (const message of messages as Message[]) if (is_in) handler.heard(message);
      });
      contend(false);
    },
    leave() {
      if (!is_in) return;
      send();
      is_in = false;
      end();
      request?.release();
      channel?.close();
      request = channel = null;
    },
    post(message) {
      if (channel === null) return;
      if (unsent.length === 0) world.soon(send);
      unsent.push(message);
    },
    takeOver() {
      if (!is_in || is_leading) return;
      request?.release();
      contend(true);
    },
  };
}
