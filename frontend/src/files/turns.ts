/** Lets so many at a time do something, in the order in which they ask. */
export interface Turns {
  take: <T>(act: () => Promise<T>) => Promise<T>;
}

export function createTurns(at_a_time: number): Turns {
  const waiting: (() => void)[] = [];
  let taken = 0;
  return {
    async take(act) {
      if (taken >= at_a_time) await new Promise<void>((resolve) => waiting.push(resolve));
      else taken += 1;
      try {
        return await act();
      } finally {
        const next = waiting.shift();
        if (next === undefined) taken -= 1;
        else next();
      }
    },
  };
}
