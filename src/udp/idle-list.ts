import type { Clock, Timer } from '../core/clock.ts';

/** The longest time between two checks, milliseconds: a reload may make the timeout shorter. */
const checkMsMax = 1000;

/** What an `IdleList` keeps of its entries; the fields belong to the list. */
export interface IdleEntry<E> {
  /** `Clock.now()` of the last activity. */
  lastMs: number;
  earlier: E | null;
  later: E | null;
}

/**
 * Entries in the order of their last activity, with one timer for all of them: the entry that is idle for longest is the first,
 * so an activity costs a move to the end, and no timer.
 */
export class IdleList<E extends IdleEntry<E>> {
  size = 0;
  private readonly clock: Clock;
  private readonly timeoutMs: () => number;
  private readonly expired: (entry: E) => void;
  private first: E | null = null;
  private last: E | null = null;
  private timer: Timer | null = null;

  /** `timeoutMs` is read at each check, so that a reload can change it. `expired` must remove its entry. */
  constructor(clock: Clock, timeoutMs: () => number, expired: (entry: E) => void) {
    this.clock = clock;
    this.timeoutMs = timeoutMs;
    this.expired = expired;
  }

  add(entry: E): void {
    entry.lastMs = this.clock.now();
    this.append(entry);
    this.size++;
    if (this.timer === null) this.setTimer();
  }

  touch(entry: E): void {
    entry.lastMs = this.clock.now();
    if (this.last === entry) return;
    this.unlink(entry);
    this.append(entry);
  }

  remove(entry: E): void {
    this.unlink(entry);
    this.size--;
    if (this.first !== null) return;
    this.timer?.cancel();
    this.timer = null;
  }

  /** From the entry that is idle for longest. The caller may remove entries meanwhile. */
  all(): E[] {
    const entries: E[] = [];
    for (let entry = this.first; entry !== null; entry = entry.later) entries.push(entry);
    return entries;
  }

  private append(entry: E): void {
    entry.earlier = this.last;
    entry.later = null;
    if (this.last === null) this.first = entry;
    else this.last.later = entry;
    this.last = entry;
  }

  private unlink({ earlier, later }: E): void {
    if (earlier === null) this.first = later;
    else earlier.later = later;
    if (later === null) this.last = earlier;
    else later.earlier = earlier;
  }

  private setTimer(): void {
    const dueInMs = this.first!.lastMs + this.timeoutMs() - this.clock.now();
    this.timer = this.clock.after(Math.min(dueInMs, checkMsMax), () => {
      this.timer = null;
      this.expire();
      if (this.first !== null && this.timer === null) this.setTimer();
    });
  }

  private expire(): void {
    const idleSinceMs = this.clock.now() - this.timeoutMs();
    for (let entry = this.first; entry !== null && entry.lastMs <= idleSinceMs; entry = this.first) {
      this.expired(entry);
      // An entry that stayed would be expired for ever.
      if (this.first === entry) this.remove(entry);
    }
  }
}
