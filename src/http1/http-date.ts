import type { Clock } from '../core/clock.ts';

/** The value of `date` (RFC 9110 section 6.6.1), made once for each second. */
export class HttpDate {
  private readonly clock: Clock;
  private second = -1;
  private text = '';

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get value(): string {
    const wallMs = this.clock.wallMs();
    const second = Math.floor(wallMs / 1000);
    if (second !== this.second) {
      this.second = second;
      this.text = new Date(wallMs).toUTCString();
    }
    return this.text;
  }
}
