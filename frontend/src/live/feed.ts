import { type Position } from "./position";
import { type Ring, createRing } from "./ring";

/** Whose events: those of the account, or, for administrators, of everybody. */
export type Mount = "member" | "admin";

/** Who wants to know what a feed hears. */
export interface FeedListener {
  /** There are new events or hints in the ring. */
  changed: () => void;
  /** Something may have been missed that the ring does not tell: everything is to be asked for again. */
  missed: () => void;
}

/** The events of one mount, in this tab. */
export interface Feed {
  readonly ring: Ring;
  /** Follow the events while anybody listens. Return what stops it. */
  listen: (listener: FeedListener) => () => void;
  /** Say at which position an answer is, so that a stream that has not begun begins there. */
  offer: (position: Position) => void;
  /** Get the events after a position that are not in the ring from another tab. Return whether the ring has them now. */
  cover: (position: Position) => Promise<boolean>;
}

const feeds = new Map<Mount, Feed>();

/** Return the feed of a mount. There is one in a tab. */
export function feedOf(mount: Mount): Feed {
  let feed = feeds.get(mount);
  if (feed === undefined) {
    feed = createFeed();
    feeds.set(mount, feed);
  }
  return feed;
}

function createFeed(): Feed {
  const listeners = new Set<FeedListener>();
  return {
    ring: createRing(),
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    offer: () => undefined,
    cover: () => Promise.resolve(false),
  };
}
