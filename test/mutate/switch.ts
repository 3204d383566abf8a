/** The name under which instrumented sources find the switch, on the global object and in themselves. */
export const switchName = '$mutant';

/** Chooses which mutant is awake in this process, and records which were asked for. */
export class MutantSwitch {
  private active = 0;
  private seen: Uint8Array | null = null;
  private reached: number[] = [];

  /** Makes this switch the one that instrumented sources ask. */
  install(): void {
    const isActive = (number: number): boolean => {
      if (this.seen !== null && this.seen[number] === 0) {
        this.seen[number] = 1;
        this.reached.push(number);
      }
      return number === this.active;
    };
    (globalThis as Record<string, unknown>)[switchName] = isActive;
  }

  /** Wakes one mutant and puts the others to sleep; 0 wakes none. */
  activate(number: number): void {
    this.active = number;
  }

  /** Records from now on; `count` is the highest number. */
  record(count: number): void {
    this.seen = new Uint8Array(count + 1);
    this.reached = [];
  }

  /** Returns the numbers that were asked for since the last call. */
  takeReached(): number[] {
    const { reached } = this;
    this.seen?.fill(0);
    this.reached = [];
    return reached;
  }

  stopRecording(): void {
    this.seen = null;
  }
}
