import { VirtualClock } from '../../src/core/clock.ts';
import type { HeaderBlock } from '../../src/core/header-block.ts';
import type { MessageStream, StreamFailure, StreamReceiver } from '../../src/core/message-stream.ts';
import { Http2Connection } from '../../src/http2/connection.ts';
import type { ConnectionError } from '../../src/http2/connection-core.ts';
import { type ConnectionOptions, connectionDefaults } from '../../src/http2/options.ts';
import type { Http2Stream } from '../../src/http2/stream.ts';

/** Writes down what a stream hears, and gives the credit back unless told to stall. */
export class Recorder implements StreamReceiver {
  stream: MessageStream | null = null;
  /** In order: `head 200`, `data 5`, `data 5 last`, `trailers`, `end`, `failed reset CANCEL`. Sizes are of one event. */
  readonly events: string[] = [];
  readonly heads: HeaderBlock[] = [];
  readonly failures: StreamFailure[] = [];
  trailersBlock: HeaderBlock | null = null;
  /** Bytes of the body, all of them unless `keepBody` is off. */
  body: Buffer = Buffer.alloc(0);
  bodyBytes = 0;
  sentBytes = 0;
  /** Received and not yet given back; only while `stalled`. */
  unread = 0;
  stalled: boolean;
  keepBody = true;
  /** How often the peer's message ended; a well-behaved engine makes it 1 at the most. */
  ends = 0;

  constructor(stalled = false) {
    this.stalled = stalled;
  }

  head(head: HeaderBlock, end: boolean): void {
    this.heads.push(head);
    this.note(`head ${head.method === '' ? head.status : head.method}`, end);
  }
  interim(head: HeaderBlock): void {
    this.note(`interim ${head.status}`, false);
  }
  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    const length = end - start;
    if (this.keepBody) this.body = Buffer.concat([this.body, bytes.subarray(start, end)]);
    this.bodyBytes += length;
    this.note(`data ${length}`, last);
    if (this.stalled) this.unread += length;
    else this.stream?.consumed(length);
  }
  trailers(trailers: HeaderBlock): void {
    this.trailersBlock = trailers;
    this.note('trailers', true);
  }
  failed(failure: StreamFailure): void {
    this.failures.push(failure);
    this.note(`failed ${failure.kind}`, true);
  }
  sent(bytes: number): void {
    this.sentBytes += bytes;
  }

  /** Gives back all that was held, and reads on. */
  resume(): void {
    this.stalled = false;
    const unread = this.unread;
    this.unread = 0;
    this.stream?.consumed(unread);
  }

  /** The events with runs of DATA put together: what must not depend on how bytes were split. */
  get summary(): string {
    const body = this.bodyBytes === 0 ? [] : [`body ${this.bodyBytes}`];
    return [...this.events.filter((event) => !event.startsWith('data')), ...body, `ends ${this.ends}`].join(
      ', ',
    );
  }

  private note(event: string, last: boolean): void {
    this.events.push(last && !event.startsWith('failed') ? `${event} last` : event);
    if (last) this.ends++;
  }
}

/** One end of a pair and what its listener heard. */
export class PairEnd {
  readonly connection: Http2Connection;
  /** Requests in order of arrival, server end. */
  readonly requests: Array<{ stream: Http2Stream; head: HeaderBlock; end: boolean; recorder: Recorder }> = [];
  /** What happened to the connection: `ready`, `goaway`, `ended`, … */
  readonly events: string[] = [];
  /** How often there may have been room for another stream. */
  capacities = 0;
  /** Undefined until it ended; then why, null for good order. */
  error: ConnectionError | null | undefined;
  /** Answers a request; by default it is left open for the test. */
  handler: (stream: Http2Stream, head: HeaderBlock, end: boolean, recorder: Recorder) => void = () => {};
  oversizeHandler: (stream: Http2Stream, head: HeaderBlock) => void = (stream) => stream.reset(0);
  /** Bytes that were flushed and have not arrived at the other end. */
  wire: Buffer = Buffer.alloc(0);

  constructor(role: 'client' | 'server', options: Partial<ConnectionOptions>) {
    this.connection = new Http2Connection(
      role,
      { ...connectionDefaults, ...options },
      {
        stream: (stream, head, end) => {
          const recorder = new Recorder();
          recorder.stream = stream;
          stream.receiver = recorder;
          recorder.head(head, end);
          this.requests.push({ stream, head, end, recorder });
          this.handler(stream, head, end, recorder);
        },
        oversize: (stream, head) => {
          this.events.push('oversize');
          this.oversizeHandler(stream, head);
        },
        ready: () => this.events.push('ready'),
        capacity: () => {
          this.capacities++;
        },
        goaway: () => this.events.push('goaway'),
        ended: (error) => {
          this.events.push('ended');
          this.error = error;
        },
        written: () => {},
      },
    );
  }

  /** Hands what was written to the wire, as a socket binding does once per turn. */
  flush(): void {
    const { connection } = this;
    const { out } = connection;
    if (out.length === 0) return;
    this.wire = Buffer.concat([this.wire, out.bytes.subarray(0, out.length)]);
    out.clear();
    connection.flushed();
  }

  /** Takes at most `count` bytes off the wire. */
  take(count: number): Buffer {
    const taken = this.wire.subarray(0, count);
    this.wire = this.wire.subarray(taken.length);
    return taken;
  }
}

export interface PairOptions {
  readonly client?: Partial<ConnectionOptions>;
  readonly server?: Partial<ConnectionOptions>;
  /** Length of the next piece to deliver, 1 or more; by default all there is. */
  readonly pieceBytes?: () => number;
}

/** A client and a server connection joined in memory, on virtual time. */
export class MemoryPair {
  readonly clock = new VirtualClock();
  readonly client: PairEnd;
  readonly server: PairEnd;
  private readonly pieceBytes: () => number;

  constructor(options: PairOptions = {}) {
    this.client = new PairEnd('client', options.client ?? {});
    this.server = new PairEnd('server', options.server ?? {});
    this.pieceBytes = options.pieceBytes ?? (() => Number.POSITIVE_INFINITY);
    this.client.connection.start();
    this.server.connection.start();
  }

  /** Opens a stream with a recorder and sends the head. */
  request(
    head: HeaderBlock,
    end: boolean,
    recorder = new Recorder(),
  ): { stream: Http2Stream; recorder: Recorder } {
    const stream = this.client.connection.open(recorder);
    if (stream === null) throw new Error('the connection takes no stream');
    recorder.stream = stream;
    stream.head(head, end);
    return { stream, recorder };
  }

  /** Moves one piece from `from` to the other end; false when there was none. */
  step(from: PairEnd): boolean {
    from.flush();
    if (from.wire.length === 0) return false;
    const piece = from.take(this.pieceBytes());
    const to = from === this.client ? this.server : this.client;
    // Inside a larger buffer that is overwritten afterwards: nobody may keep the bytes of a read.
    const read = Buffer.alloc(piece.length + 5, 0xee);
    piece.copy(read, 3);
    to.connection.receive(read, 3, 3 + piece.length, this.clock.now());
    read.fill(0xdd);
    return true;
  }

  /** Moves bytes both ways until both ends are quiet. */
  settle(): void {
    for (let again = true; again; ) {
      again = this.step(this.client);
      again = this.step(this.server) || again;
    }
  }
}
