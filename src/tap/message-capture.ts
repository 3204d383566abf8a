/** One message of a body, as it was sent. */
export interface CapturedMessage {
  /** Counts from 0 in its direction. */
  readonly index: number;
  /** Length on the wire, without the prefix of gRPC; what arrived of it where the call ended before. */
  readonly bytes: number;
  /** The flag of its prefix: compressed with the encoding of the head. */
  readonly compressed: boolean;
  /** The whole message; null where it was too large, incomplete, or memory for it was short. */
  readonly body: Uint8Array | null;
  /** Why `body` is null; '' where it is not. */
  readonly missing: '' | 'large' | 'incomplete' | 'memory';
}

/** Memory for the messages of all taps. */
export class CaptureBudget {
  private left: number;

  constructor(bytesMax: number) {
    this.left = bytesMax;
  }

  get available(): number {
    return this.left;
  }

  /** Reserves memory; false where that much is not left. */
  take(bytes: number): boolean {
    if (bytes > this.left) return false;
    this.left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.left += bytes;
  }
}

export interface CaptureLimits {
  /** Messages that are kept; further ones are counted. */
  readonly messagesMax: number;
  /** Bytes of one message; of a larger one only the length is kept. */
  readonly messageBytesMax: number;
}

const prefixBytes = 5;

/**
 * Copies the messages of one direction of a body while they pass, within limits. With `framed`, each message has the prefix of gRPC
 * (gRPC over HTTP/2, "Length-Prefixed-Message"); without, the body is one message. Call `release` once, at the end.
 */
export class MessageCapture {
  /** Messages that have passed, including those that are not kept. */
  count = 0;
  private readonly framed: boolean;
  private readonly limits: CaptureLimits;
  private readonly budget: CaptureBudget;
  private readonly onMessage: (message: CapturedMessage) => void;
  private reservedBytes = 0;
  private readonly prefix = new Uint8Array(prefixBytes);
  private prefixSeen = 0;
  /** Of the message that passes. */
  private compressed = false;
  private length = 0;
  private seen = 0;
  private body: Uint8Array | null = null;
  private missing: CapturedMessage['missing'] = '';

  constructor(
    framed: boolean,
    limits: CaptureLimits,
    budget: CaptureBudget,
    onMessage: (message: CapturedMessage) => void,
  ) {
    this.framed = framed;
    this.limits = limits;
    this.budget = budget;
    this.onMessage = onMessage;
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    if (!this.framed) return this.addPlain(bytes, start, end);
    let at = start;
    while (at < end) {
      if (this.prefixSeen < prefixBytes) {
        this.prefix[this.prefixSeen++] = bytes[at++];
        if (this.prefixSeen === prefixBytes) this.begin();
      } else {
        const part = Math.min(this.length - this.seen, end - at);
        this.body?.set(bytes.subarray(at, at + part), this.seen);
        this.seen += part;
        at += part;
      }
      if (this.prefixSeen === prefixBytes && this.seen === this.length) this.complete();
    }
  }

  /** The body has ended, or the call has. Hands over what is there of an unfinished message. */
  end(): void {
    if (!this.framed && this.seen > 0) {
      if (this.body !== null) this.body = this.body.subarray(0, this.seen);
      this.complete();
    } else if (this.prefixSeen === prefixBytes) {
      this.missing ||= 'incomplete';
      this.complete();
    }
  }

  /** Gives the memory of one message back, which nobody needs any more. */
  free({ body }: CapturedMessage): void {
    if (body === null) return;
    const bytes = Math.min(body.length, this.reservedBytes);
    this.reservedBytes -= bytes;
    this.budget.give(bytes);
  }

  /** Gives all memory back, that of an unfinished message as well: the call may go on for long. */
  release(): void {
    this.body = null;
    this.missing ||= 'memory';
    this.budget.give(this.reservedBytes);
    this.reservedBytes = 0;
  }

  private begin(): void {
    const { prefix } = this;
    this.compressed = (prefix[0] & 1) === 1;
    this.length = prefix[1] * 0x100_0000 + (prefix[2] << 16) + (prefix[3] << 8) + prefix[4];
    this.seen = 0;
    if (this.count < this.limits.messagesMax) this.reserve(this.length);
  }

  private reserve(length: number): void {
    if (length > this.limits.messageBytesMax) this.missing = 'large';
    else if (!this.budget.take(length)) this.missing = 'memory';
    else {
      this.reservedBytes += length;
      this.body = new Uint8Array(length);
    }
  }

  private complete(): void {
    const { compressed, missing } = this;
    const index = this.count++;
    const body = missing === '' ? this.body : null;
    const message = { index, bytes: this.seen, compressed, body, missing };
    if (missing === 'large' && this.framed) message.bytes = this.length;
    if (index < this.limits.messagesMax) this.onMessage(message);
    this.prefixSeen = 0;
    this.length = 0;
    this.seen = 0;
    this.body = null;
    this.missing = '';
  }

  /** The length is not known beforehand, so the copy grows by doubling, up to the limit. */
  private addPlain(bytes: Uint8Array, start: number, end: number): void {
    const total = this.seen + (end - start);
    if (this.missing === '' && total > this.limits.messageBytesMax) this.missing = 'large';
    if (this.missing === '' && total > (this.body?.length ?? 0)) this.grow(total);
    if (this.missing === '') this.body?.set(bytes.subarray(start, end), this.seen);
    else this.body = null;
    this.seen = total;
  }

  private grow(total: number): void {
    const before = this.body;
    const length = Math.min(this.limits.messageBytesMax, Math.max(total, 2 * (before?.length ?? 512)));
    const added = length - (before?.length ?? 0);
    if (!this.budget.take(added)) {
      this.missing = 'memory';
      return;
    }
    this.reservedBytes += added;
    this.body = new Uint8Array(length);
    if (before !== null) this.body.set(before.subarray(0, this.seen));
  }
}
