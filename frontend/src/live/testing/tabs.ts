// The tabs of a browser, all in one process, on the clock of the test.
import type { World } from "../world";
import type { Server } from "./server";

interface Waiting {
  steals: boolean;
  held: () => void;
  lost: () => void;
}

/** What the tabs of a browser share. */
export class Browser {
  private readonly holders = new Map<string, Waiting>();
  private readonly queues = new Map<string, Waiting[]>();
  readonly channels = new Set<{ name: string; heard: (message: unknown) => void }>();
  has_locks = true;
  posted = 0;

  constructor(
    readonly server: Server,
    readonly random: () => number,
  ) {}

  request(name: string, waiting: Waiting): void {
    const holder = this.holders.get(name);
    if (waiting.steals && holder !== undefined) {
      this.holders.delete(name);
      later(holder.lost);
    }
    if (waiting.steals) this.grant(name, waiting);
    else {
      this.queues.set(name, [...(this.queues.get(name) ?? []), waiting]);
      later(() => {
        this.next(name);
      });
    }
  }

  release(name: string, waiting: Waiting): void {
    this.queues.set(
      name,
      (this.queues.get(name) ?? []).filter((each) => each !== waiting),
    );
    if (this.holders.get(name) !== waiting) return;
    this.holders.delete(name);
    later(() => {
      this.next(name);
    });
  }

  private next(name: string): void {
    if (this.holders.has(name)) return;
    const [first, ...others] = this.queues.get(name) ?? [];
    if (first === undefined) return;
    this.queues.set(name, others);
    this.grant(name, first);
  }

  private grant(name: string, waiting: Waiting): void {
    this.holders.set(name, waiting);
    later(() => {
      if (this.holders.get(name) === waiting) waiting.held();
    });
  }
}

/** A tab. While it is frozen it hears nothing and does nothing, and catches up when it is not any more. */
export class Tab {
  private is_frozen = false;
  private is_deaf = false;
  private delayed: (() => void)[] = [];
  private readonly wakers = new Set<() => void>();
  is_visible = true;

  constructor(private readonly browser: Browser) {}

  freeze(): void {
    this.is_frozen = true;
  }

  thaw(): void {
    this.is_frozen = false;
    for (const act of this.delayed.splice(0)) act();
  }

  /** Lose what the other tabs say. */
  set deaf(next: boolean) {
    this.is_deaf = next;
  }

  wake(): void {
    for (const act of this.wakers) act();
  }

  private when(act: () => void): void {
    if (this.is_frozen) this.delayed.push(act);
    else act();
  }

  readonly world: World = {
    now: () => performance.now(),
    time: () => Date.now(),
    random: () => this.browser.random(),
    after: (milliseconds, act) => {
      let is_wanted = true;
      setTimeout(() => {
        this.when(() => {
          if (is_wanted) act();
        });
      }, milliseconds);
      return () => {
        is_wanted = false;
      };
    },
    soon: (act) => {
      later(() => {
        this.when(act);
      });
    },
    openEvents: (url, _names, handler) => {
      const after = new URL(url, "http://test").searchParams.get("after");
      let is_open = true;
      const told = (act: () => void): void => {
        later(() => {
          this.when(() => {
            if (is_open) act();
          });
        });
      };
      const source = this.browser.server.open(
        after,
        (frame) => {
          told(() => {
            handler.frame(frame);
          });
        },
        (for_good) => {
          told(() => {
            is_open = false;
            handler.failed(for_good);
          });
        },
      );
      later(source.begin);
      return () => {
        is_open = false;
        source.close();
      };
    },
    lock: (name, steal, held, lost) => {
      if (!this.browser.has_locks) return null;
      const waiting: Waiting = {
        steals: steal,
        held: () => {
          this.when(held);
        },
        lost: () => {
          this.when(lost);
        },
      };
      this.browser.request(name, waiting);
      return {
        release: () => {
          this.browser.release(name, waiting);
        },
      };
    },
    channel: (name, heard) => {
      if (!this.browser.has_locks) return null;
      const own = {
        name,
        heard: (message: unknown) => {
          if (this.is_deaf) return;
          this.when(() => {
            if (this.browser.channels.has(own)) heard(message);
          });
        },
      };
      this.browser.channels.add(own);
      return {
        post: (message) => {
          const copy: unknown = structuredClone(message);
          this.browser.posted += 1;
          for (const other of this.browser.channels)
            if (other !== own && other.name === name)
              later(() => {
                other.heard(copy);
              });
        },
        close: () => this.browser.channels.delete(own),
      };
    },
    isVisible: () => this.is_visible,
    onWake: (act) => {
      this.wakers.add(act);
      return () => this.wakers.delete(act);
    },
    askSession: () =>
      Promise.resolve(this.browser.server.is_up ? (this.browser.server.is_signed_in ? "signed_in" : "signed_out") : "unknown"),
  };
}

function later(act: () => void): void {
  setTimeout(act, 1);
}
