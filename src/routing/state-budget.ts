/** Memory of the states that the automata of one router keep between requests, all together. */
export const regexStateBytesMax = 32 * 1024 * 1024;

/** An automaton that keeps states it can make again. */
export interface StateHolder {
  /** Forgets its states. The budget has taken them off its account. */
  dropStates(): void;
}

/**
 * Bounds what strangers can make automata remember. When the memory is used up everybody forgets: what is in use is soon
 * there again, and what one stream of odd paths filled it with is not.
 */
export class StateBudget {
  private readonly bytesMax: number;
  private readonly holders = new Set<StateHolder>();
  private keptBytes = 0;

  constructor(bytesMax = regexStateBytesMax) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.keptBytes;
  }

  /** Accounts for a state that `holder` is about to keep; may ask all holders, this one too, to drop theirs before. */
  take(holder: StateHolder, bytes: number): void {
    if (this.keptBytes + bytes > this.bytesMax) {
      this.keptBytes = 0;
      for (const each of this.holders) each.dropStates();
      this.holders.clear();
    }
    this.holders.add(holder);
    this.keptBytes += bytes;
  }

  /** Gives back what `holder` took since it last dropped its states. */
  give(holder: StateHolder, bytes: number): void {
    if (this.holders.delete(holder)) this.keptBytes -= bytes;
  }
}
