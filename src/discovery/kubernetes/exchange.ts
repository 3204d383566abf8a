import type { Clock, Timer } from '../../core/clock.ts';
import type { ApiServer, ReplyReceiver } from './api-server.ts';

/** What one request led to. Each is called while the exchange is open; the last three end it. */
export interface ExchangeOwner {
  /** A reply with status 200 has begun. */
  begun?(): void;
  /** A part of a reply with status 200. */
  data(chunk: Buffer): void;
  /** The end of a reply with status 200. */
  ended(): void;
  /** Another status, with the beginning of the body. */
  refused(status: number, body: string, retryAfter: string): void;
  /** No reply, or not in time, or not to its end. `hasBegun`: a reply with status 200 had begun. */
  failed(error: string, hasBegun: boolean): void;
}

/** A server that takes longer to answer at all does not answer. */
const headTimeoutMs = 15_000;
/** Of the body of an error. */
const errorBytesMax = 65_536;

/** One GET that is bounded in time and ends once. */
export class Exchange implements ReplyReceiver {
  private readonly clock: Clock;
  private readonly owner: ExchangeOwner;
  private readonly cancelRequest: () => void;
  private idleTimeoutMs: number;
  private timer: Timer;
  private status = 0;
  private retryAfter = '';
  private errorBody: Buffer[] = [];
  private errorBytes = 0;
  private isOpen = true;
  private lastByteMs: number;

  constructor(
    api: ApiServer,
    clock: Clock,
    pathOf: (namespace: string) => string,
    idleTimeoutMs: number,
    owner: ExchangeOwner,
  ) {
    this.clock = clock;
    this.idleTimeoutMs = idleTimeoutMs;
    this.owner = owner;
    this.lastByteMs = clock.now();
    this.timer = clock.after(headTimeoutMs, () => this.failed(`no answer within ${headTimeoutMs / 1000} s`));
    this.cancelRequest = api.get(pathOf, this);
  }

  /** `Clock.now()` of the latest byte, or of the start. */
  get lastMs(): number {
    return this.lastByteMs;
  }

  /** Ends the request; the owner hears nothing more. */
  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.timer.cancel();
    this.cancelRequest();
  }

  head(status: number, retryAfter: string): void {
    if (!this.isOpen) return;
    this.status = status;
    this.retryAfter = retryAfter;
    this.received();
    if (status === 200) this.owner.begun?.();
  }

  data(chunk: Buffer): void {
    if (!this.isOpen) return;
    this.received();
    if (this.status === 200) this.owner.data(chunk);
    else if (this.errorBytes < errorBytesMax) {
      this.errorBody.push(chunk);
      this.errorBytes += chunk.length;
    } else this.end();
  }

  end(): void {
    if (!this.isOpen) return;
    this.close();
    if (this.status === 200) this.owner.ended();
    else this.owner.refused(this.status, this.errorText(), this.retryAfter);
  }

  failed(error: string): void {
    if (!this.isOpen) return;
    this.close();
    this.owner.failed(error, this.status === 200);
  }

  private errorText(): string {
    return Buffer.concat(this.errorBody).subarray(0, errorBytesMax).toString();
  }

  private received(): void {
    this.lastByteMs = this.clock.now();
    this.setIdleTimeout(this.idleTimeoutMs);
  }

  /** From now on the reply counts as failed after this many milliseconds without a byte. */
  setIdleTimeout(idleTimeoutMs: number): void {
    this.idleTimeoutMs = idleTimeoutMs;
    this.timer.cancel();
    this.timer = this.clock.after(idleTimeoutMs, () => this.failed(`no byte for ${idleTimeoutMs / 1000} s`));
  }
}
