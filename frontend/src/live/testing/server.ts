// A server with a log, a read model that follows it, and streams: as much of it as a page can see.
import type { TaskRow } from "@/api/member";

import type { Frame } from "../events";
import { isLater } from "../position";

export interface Answer {
  at: string;
  position: string;
  stale: { part: string; since: string | null; error_code: string; message: string }[];
  items: TaskRow[];
  running: number;
}

interface Logged {
  position: string;
  frame: Frame;
}

interface Source {
  heard: (frame: Frame) => void;
  failed: (for_good: boolean) => void;
}

interface Life {
  row: TaskRow;
  fence: number;
  queued_at: number | null;
}

const BEGIN = Date.parse("2026-03-02T09:00:00Z");
const TASKS_MAX = 6;
const ERROR = { code: "raised", message: "no" } as const;

/** Return a server whose log is empty. `choose` gives a number below the one it is given. */
export function createServer(choose: (below: number) => number): Server {
  let epoch = 1;
  let sequence = 0;
  let log: Logged[] = [];
  let first = 1;
  let is_up = true;
  let is_signed_in = true;
  let born = 0;
  let opened = 0;
  const lives = new Map<string, Life>();
  const sources = new Set<Source>();
  // What the read model has shown at each position.
  let shown = { position: "1-0", items: [] as TaskRow[] };
  let latest = shown;

  const at = (): string => new Date(BEGIN + sequence * 1000 + epoch * 3_600_000).toISOString();
  const end = (): string => `${String(epoch)}-${String(sequence)}`;

  function append(task: string, event: string, fields: object): Logged {
    sequence += 1;
    const position = end();
    const data = JSON.stringify({ task, kind: "k", at: at(), ...fields });
    const logged = { position, frame: { event, id: position, data } };
    log.push(logged);
    return logged;
  }

  /** Make something happen to some task, and tell it. */
  function happen(): void {
    const tasks = [...lives.keys()];
    const chosen = choose(TASKS_MAX);
    const task = tasks[chosen];
    const told = task === undefined || tasks.length < 2 ? begin() : goOn(task, lives.get(task) as Life);
    latest = { position: end(), items: [...lives.values()].map((life) => life.row).toReversed() };
    if (told !== null) for (const source of sources) source.heard(told.frame);
  }

  function begin(): Logged {
    born += 1;
    const task = `t${String(born)}`;
    const is_planned = choose(3) === 0;
    const due_at = is_planned ? "2026-03-02T12:00:00Z" : null;
    const told = append(task, is_planned ? "deferred" : "queued", {
      fence: 0,
      title: task,
      priority: "low",
      ...(due_at ? { due_at } : {}),
    });
    const row: TaskRow = {
      id: task,
      kind: "k",
      title: task,
      labels: {},
      owner: null,
      batch: null,
      schedule: null,
      priority: "low",
      state: is_planned ? "pending" : "queued",
      attempt: 1,
      max_attempts: null,
      worker: null,
      progress: null,
      error: null,
      files: 0,
      due_at,
      expires_at: null,
      created_at: at(),
      started_at: null,
      finished_at: null,
      wait_seconds: null,
      run_seconds: null,
      position: told.position,
    };
    lives.set(task, { row, fence: 0, queued_at: is_planned ? null : sequence });
    return told;
  }

  function change(life: Life, told: Logged, fields: Partial<TaskRow>): Logged {
    life.row = { ...life.row, ...fields, position: told.position };
    return told;
  }

  function goOn(task: string, life: Life): Logged | null {
    const { row } = life;
    const attempt = row.attempt === 1 ? {} : { attempt: row.attempt };
    switch (row.state) {
      case "pending":
        if (choose(4) === 0) return finish(task, life, "cancelled");
        return queue(life, append(task, "queued", { fence: life.fence, ...attempt }), { state: "queued", due_at: null });
      case "queued":
        if (choose(3) === 0) return finish(task, life, "cancelled");
        return start(task, life);
      case "running":
        return run(task, life, attempt);
      default:
        return comeBack(task, life);
    }
  }

  function queue(life: Life, told: Logged, fields: Partial<TaskRow>): Logged {
    life.queued_at = sequence;
    return change(life, told, fields);
  }

  function start(task: string, life: Life): Logged {
    life.queued_at = null;
    const { attempt } = life.row;
    const told = append(task, "started", { worker: "w", queued_seconds: 0.5, ...(attempt === 1 ? {} : { attempt }) });
    return change(life, told, {
      state: "running",
      worker: "w",
      started_at: at(),
      wait_seconds: 0.5,
      progress: null,
      due_at: null,
      expires_at: null,
    });
  }

  function run(task: string, life: Life, attempt: object): Logged {
    const { row } = life;
    switch (choose(6)) {
      case 0:
        return change(life, append(task, "stored", { ...attempt, name: "f" }), { files: row.files + 1 });
      case 1: {
        const due_at = "2026-03-02T13:00:00Z";
        const told = append(task, "deferred", { fence: life.fence, attempt: row.attempt + 1, due_at, error: ERROR });
        return change(life, told, { state: "pending", attempt: row.attempt + 1, due_at, error: ERROR, worker: null });
      }
      case 2:
        return finish(task, life, "succeeded");
      case 3:
        return finish(task, life, "failed");
      case 4:
        // It is given to another worker.
        return start(task, life);
      default:
        return change(life, append(task, "progressed", { ...attempt, fraction: 0.5 }), { progress: { fraction: 0.5, message: null } });
    }
  }

  function finish(task: string, life: Life, outcome: "succeeded" | "failed" | "cancelled"): Logged {
    const { row, queued_at } = life;
    const error = outcome === "failed" ? ERROR : null;
    const told = append(task, "finished", { outcome, ...(row.attempt === 1 ? {} : { attempt: row.attempt }), ...(error ? { error } : {}) });
    if (queued_at !== null) {
      // What no worker has started is taken out of the log.
      log = log.filter((each) => each.position !== `${String(epoch)}-${String(queued_at)}`);
      life.queued_at = null;
    }
    const run_seconds = row.state === "running" && row.started_at !== null ? (Date.parse(at()) - Date.parse(row.started_at)) / 1000 : null;
    return change(life, told, {
      ...(row.state === "queued" ? { started_at: null, wait_seconds: null, files: 0 } : {}),
      state: outcome,
      error,
      finished_at: at(),
      worker: null,
      progress: null,
      due_at: null,
      expires_at: null,
      run_seconds,
    });
  }

  function comeBack(task: string, life: Life): Logged {
    const chosen = choose(5);
    if (chosen === 0) {
      lives.delete(task);
      return append(task, "deleted", { outcome: life.row.state, by: "u" });
    }
    // A worker is late to say something. Nothing comes of it.
    if (chosen === 1) return append(task, "started", { worker: "late" });
    if (chosen === 2) return append(task, "progressed", { fraction: 0.9 });
    // The end of a run of an earlier log is no position of this one.
    const [its_epoch, its_sequence] = life.row.position.split("-");
    if (its_epoch !== String(epoch)) return append(task, "progressed", { fraction: 0.9 });
    life.fence = Number(its_sequence);
    return queue(life, append(task, "queued", { fence: life.fence }), {
      state: "queued",
      attempt: 1,
      started_at: null,
      finished_at: null,
      wait_seconds: null,
      run_seconds: null,
      error: null,
      progress: null,
      files: 0,
      due_at: null,
    });
  }

  function hint(): Frame {
    const running = shown.items.filter((row) => row.state === "running").length;
    const counts = { pending: 0, queued: 0, running, succeeded: 0, failed: 0, cancelled: 0 };
    return { event: "counts", id: "", data: JSON.stringify({ counts, kinds: {} }) };
  }

  return {
    happen,
    project() {
      shown = latest;
      for (const source of sources) source.heard(hint());
    },
    answer(at_least) {
      if (!is_up) return null;
      const is_behind = at_least !== null && isLater(at_least, shown.position);
      const stale = is_behind ? [{ part: "items", since: null, error_code: "read_model_behind", message: "" }] : [];
      const running = shown.items.filter((row) => row.state === "running").length;
      return { at: at(), position: shown.position, stale, items: shown.items, running };
    },
    open(after, heard, failed) {
      const source: Source = { heard, failed };
      let is_wanted = true;
      opened += 1;
      return {
        begin() {
          if (!is_wanted) return;
          if (!is_up || !is_signed_in) {
            failed(!is_signed_in);
            return;
          }
          sources.add(source);
          const [its_epoch, its_sequence] = (after ?? end()).split("-").map(Number) as [number, number];
          if (its_epoch !== epoch || its_sequence > sequence || its_sequence + 1 < first) {
            heard({ event: "reset", id: end(), data: JSON.stringify({ reason: "gone", position: end() }) });
          } else {
            heard({ event: "beat", id: after ?? end(), data: JSON.stringify({ position: after ?? end(), at: at() }) });
            for (const logged of log) if (isLater(logged.position, after ?? end())) heard(logged.frame);
          }
          heard(hint());
        },
        close() {
          is_wanted = false;
          sources.delete(source);
        },
      };
    },
    beat() {
      for (const source of sources) {
        source.heard({ event: "beat", id: end(), data: JSON.stringify({ position: end(), at: at() }) });
      }
    },
    cut() {
      const cut = [...sources];
      sources.clear();
      for (const source of cut) source.failed(false);
    },
    forget() {
      first = sequence + 1;
      log = [];
    },
    remake() {
      epoch += 1;
      sequence = 0;
      first = 1;
      log = [];
      for (const life of lives.values()) life.queued_at = null;
      latest = { position: end(), items: latest.items };
      shown = latest;
      for (const source of sources) {
        source.heard({ event: "reset", id: end(), data: JSON.stringify({ reason: "lost", position: end() }) });
      }
    },
    set is_up(next: boolean) {
      is_up = next;
    },
    get is_up() {
      return is_up;
    },
    set is_signed_in(next: boolean) {
      is_signed_in = next;
    },
    get is_signed_in() {
      return is_signed_in;
    },
    get open_count() {
      return sources.size;
    },
    get opened() {
      return opened;
    },
  };
}

export interface Server {
  happen: () => void;
  /** Let the read model reach the end of the log, and tell the counts. */
  project: () => void;
  /** Answer the screen; null when the server is down. */
  answer: (at_least: string | null) => Answer | null;
  open: (
    after: string | null,
    heard: (frame: Frame) => void,
    failed: (for_good: boolean) => void,
  ) => { begin: () => void; close: () => void };
  beat: () => void;
  /** Cut all streams. */
  cut: () => void;
  /** Let everything that has happened leave the log. */
  forget: () => void;
  /** Lose the log, and make it anew. */
  remake: () => void;
  is_up: boolean;
  is_signed_in: boolean;
  readonly open_count: number;
  readonly opened: number;
}
