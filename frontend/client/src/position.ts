/** A place in the log, `<epoch>-<sequence>`. Both are below 2⁵³. */
export type Position = string;

/** Return the two numbers of a position; nothing is before 0-0, which is what a text that is no position counts as. */
export function parsePosition(position: Position): readonly [epoch: number, sequence: number] {
  const dash = position.indexOf("-");
  if (dash < 1) return [0, 0];
  return [Number(position.slice(0, dash)) || 0, Number(position.slice(dash + 1)) || 0];
}

/** Return whether a position is after another one. */
export function isLater(position: Position, than: Position): boolean {
  if (position === than) return false;
  const [epoch, sequence] = parsePosition(position);
  const [than_epoch, than_sequence] = parsePosition(than);
  return epoch === than_epoch ? sequence > than_sequence : epoch > than_epoch;
}

/** Return the later one of two positions, of which either may be unknown. */
export function laterOf(one: Position | null, other: Position | null): Position | null {
  if (one === null || other === null) return one ?? other;
  return isLater(other, one) ? other : one;
}
