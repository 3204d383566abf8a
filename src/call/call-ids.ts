/** Numbers calls, from 1. */
export class CallIds {
  /** The id of the newest call; 0 before the first. */
  latest = 0;

  next(): number {
    return ++this.latest;
  }
}

/** Of all listeners of this process. */
export const processCallIds = new CallIds();
