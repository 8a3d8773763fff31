import type { KindOperations } from "@/api/admin";

/** What is said of a kind below its row: a message of ours, or the server's own sentence, and a command that mends it. */
export interface KindAdvice {
  key: "hint_no_workers" | "hint_stalled" | "hint_limit" | "hint_paused" | "redelivered" | null;
  sentence: string | null;
  command: string | null;
  worry: boolean;
}

/** Returns what there is to say of a kind; null when all is well with it. */
export function adviceOf(kind: KindOperations): KindAdvice | null {
  if (kind.hint === "no_workers") return { key: "hint_no_workers", sentence: null, command: `headrace worker ${kind.name}`, worry: true };
  if (kind.hint === "stalled") return { key: "hint_stalled", sentence: null, command: null, worry: true };
  if (kind.paused !== null) return { key: "hint_paused", sentence: null, command: `headrace resume ${kind.name}`, worry: false };
  if (kind.hint === "limit") return { key: "hint_limit", sentence: null, command: null, worry: false };
  if (kind.message === null) return null;
  // Sentences about how fast it goes have numbers in them that only the server has.
  if (kind.redelivered > 0 && kind.message.includes("delivered again"))
    return { key: "redelivered", sentence: null, command: null, worry: false };
  return { key: null, sentence: kind.message, command: null, worry: false };
}
