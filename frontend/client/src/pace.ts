// The server spreads those whom it sends away over the same span.
const FIRST_MILLISECONDS = [200, 5_000] as const;
const LONGEST_MILLISECONDS = 30_000;

/**
 * Return how many milliseconds to wait before a stream is opened again, after so many failures in a row.
 *
 * It is longer after each failure, and by chance another for each client, so that those whom a server has lost together do not come back together.
 */
export function reconnectDelay(failures: number, random: () => number): number {
  const [least, most] = FIRST_MILLISECONDS;
  const span = Math.min(most * 2 ** failures, LONGEST_MILLISECONDS);
  const from = failures === 0 ? least : span / 2;
  return from + (span - from) * random();
}
