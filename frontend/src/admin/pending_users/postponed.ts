/** Something that is done a while after it was asked for, so that it can be taken back. */
interface Postponed {
  run: () => void;
  timer: ReturnType<typeof setTimeout>;
}

/**
 * Decisions that wait for their moment, by what they are about.
 *
 * Each is carried out once: after its time, or by `flush`, which is for a page that goes away. One that is taken back never is.
 */
export class PostponedDecisions {
  private readonly waiting = new Map<string, Postponed>();

  constructor(private readonly milliseconds: number) {}

  /** Carry out a decision later. One about the same that still waits is carried out first. */
  postpone(about: string, run: () => void): void {
    this.carryOut(about);
    const timer = setTimeout(() => {
      this.carryOut(about);
    }, this.milliseconds);
    this.waiting.set(about, { run, timer });
  }

  /** Return whether a decision still waited, and now never is carried out. */
  takeBack(about: string): boolean {
    const postponed = this.waiting.get(about);
    clearTimeout(postponed?.timer);
    return this.waiting.delete(about);
  }

  /** Carry out everything that waits, now. */
  flush(): void {
    for (const about of this.waiting.keys()) this.carryOut(about);
  }

  private carryOut(about: string): void {
    const postponed = this.waiting.get(about);
    if (postponed === undefined) return;
    clearTimeout(postponed.timer);
    this.waiting.delete(about);
    postponed.run();
  }
}
