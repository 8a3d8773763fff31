/** Says what may move, so that no more does than an eye follows. */
export interface Attention {
  /** Return whether something may begin to move now; it counts from then on. */
  mayMove: () => boolean;
}

// Four or five things that move are followed at once; of more, none is. Pylyshyn and Storm, "Tracking multiple independent targets",
// Spatial Vision 3 (1988). To move one costs a browser a frame of the whole list, sixty times a second.
const AT_ONCE = 4;
const MOVES_MILLISECONDS = 1_000;

/** Return what lets so many things move that each do so for a second. */
export function createAttention(now: () => number = () => performance.now()): Attention {
  const began: number[] = [];
  return {
    mayMove() {
      const at = now();
      while (began[0] !== undefined && began[0] <= at - MOVES_MILLISECONDS) began.shift();
      if (began.length >= AT_ONCE) return false;
      began.push(at);
      return true;
    },
  };
}

/** What moves when a task ends: the mark of its state draws itself, and its row is tinted. */
export const marks = createAttention();
export const rows = createAttention();
