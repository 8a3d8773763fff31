import { describe, expect, it } from "vitest";

import type { Waiting } from "@/api/member";
import { useMessages } from "@/i18n";

import messages from "./messages";
import { waitingWords } from "./waiting";

const { t } = useMessages(messages);
const formats = { count: String, duration: (seconds: number) => `${String(seconds)} s`, relative: () => "in 5 min" };
const QUEUED = { kind: "echo", state: "queued", attempt: 1, due_at: null, expires_at: null } as const;

function say(waiting: Partial<Waiting> | null, task: object = {}): string {
  const whole = waiting === null ? null : ({ ahead: null, more_ahead: false, eta_seconds: null, ...waiting } as Waiting);
  return waitingWords({ ...QUEUED, ...task }, whole, t, formats, 0).join(" ");
}

describe("why a task waits", () => {
  it("is said with how many are ahead of it, and how long that takes", () => {
    expect(say({ why: "behind", ahead: 37, eta_seconds: 11.2 })).toBe("37 tasks are ahead of it. It starts in about 12 s.");
    expect(say({ why: "behind", ahead: 1 })).toBe("1 task is ahead of it.");
    expect(say({ why: "behind", ahead: 0 })).toBe("It is the next one.");
    expect(say({ why: "behind", ahead: 10_000, more_ahead: true })).toBe("More than 10000 tasks are ahead of it.");
  });

  it("names its kind where that is paused or has no workers", () => {
    expect(say({ why: "paused" })).toBe("The kind echo is paused.");
    expect(say({ why: "no_workers" })).toContain("No worker has announced the kind echo");
  });

  it("is the time at which it is due, also before the server has said so", () => {
    expect(say({ why: "not_due", eta_seconds: 300 }, { state: "pending", due_at: "2030-01-01T00:00:00Z" })).toBe("It is due in 5 min.");
    expect(say(null, { state: "pending", due_at: "2030-01-01T00:00:00Z" })).toBe("It is due in 5 min.");
  });

  it("is told of a retry, and with when it expires", () => {
    expect(say(null, { attempt: 2, expires_at: "2030-01-01T00:00:00Z" })).toBe(
      "Attempt 1 failed; the next one follows. It waits for a worker. It expires in 5 min.",
    );
  });
});
