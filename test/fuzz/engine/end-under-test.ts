import { Http2Connection } from '../../../src/http2/connection.ts';
import type { ConnectionError } from '../../../src/http2/connection-core.ts';
import { type ConnectionOptions, connectionDefaults } from '../../../src/http2/options.ts';
import { check } from '../target.ts';
import { AppStream } from './app.ts';
import { headFrom, requestHeads, responseHeads, trailerHeads } from './heads.ts';
import { WireModel } from './wire-model.ts';

/** Small windows and limits are met often, the defaults are what is used. */
export const optionSets: ReadonlyArray<Partial<ConnectionOptions>> = [
  {},
  {
    streamWindowBytes: 100,
    streamWindowBytesMax: 400,
    connectionWindowBytes: 65_535,
    maxConcurrentStreams: 3,
  },
  { bufferedBytesMax: 1000, headerListBytesMax: 400, headerFieldsMax: 8, continuationsMax: 2 },
  { headerTableBytesMax: 0, glitchesMax: 40, frameBytesMax: 20_000 },
  { headerTableBytesMax: 65_536, streamWindowBytes: 1_048_576, connectionWindowBytes: 70_000 },
  { streamWindowBytes: 0, streamWindowBytesMax: 0, headerTableBytesMax: 100 },
];

/** What a connection may write by itself for a byte that comes in, and for being there: GOAWAY, SETTINGS, a window. */
const outPerByteIn = 5;
const outAlways = 400;
/** What an app's own deed may make it write besides the body and the head: a frame header, RST_STREAM, two windows. */
const outPerAction = 80;
const eventsPerByteIn = 2;

/** After so many small pieces the rest comes at once: splits matter within frames, and time is short. */
const smallPiecesMax = 100;

const body = Buffer.alloc(70_000, 0x62);

/** One end of a connection, its app, and those who watch both. */
export class EndUnderTest {
  readonly connection: Http2Connection;
  readonly model: WireModel;
  readonly apps: AppStream[] = [];
  over = false;
  error: ConnectionError | null = null;
  keepBody = false;
  /** Whether apps give credit back at once, and whether a new request is answered at once. */
  reads = true;
  answers = false;
  /** Bytes out that were not handed on. */
  outgoing: Buffer = Buffer.alloc(0);
  private readonly options: ConnectionOptions;
  private actions = 0;
  private events = 0;
  private seen = 0;

  constructor(role: 'client' | 'server', set: number) {
    this.options = { ...connectionDefaults, ...optionSets[set % optionSets.length] };
    const { streamWindowBytes, streamWindowBytesMax, connectionWindowBytes, frameBytesMax } = this.options;
    this.model = new WireModel(role === 'server', {
      streamWindowBytesMax: Math.max(streamWindowBytes, streamWindowBytesMax),
      connectionWindowBytes,
      frameBytesMax,
    });
    const bear = (): void => {
      this.events++;
      check(!this.over, 'nothing is heard of a connection that has ended');
    };
    this.connection = new Http2Connection(role, this.options, {
      stream: (stream, head, end) => {
        bear();
        const app = this.hold(stream);
        stream.receiver = app;
        app.head(head, end);
        if (this.answers) this.answer(app);
      },
      oversize: (stream) => {
        bear();
        const app = this.hold(stream);
        app.discards = true;
        app.sayHead(headFrom(responseHeads, 7, 0, 0), true);
      },
      ready: bear,
      capacity: bear,
      goaway: bear,
      ended: (error) => {
        bear();
        this.over = true;
        this.error = error;
        check(this.connection.streams.size === 0, 'no stream is left when a connection ends');
      },
      written: () => {},
    });
    this.connection.start();
    this.collect();
  }

  private hold(stream: AppStream['stream']): AppStream {
    const app = new AppStream(stream, this.connection.role === 'client', this.reads);
    app.keepBody = this.keepBody;
    this.apps.push(app);
    return app;
  }

  private answer(app: AppStream): void {
    this.actions += 3;
    app.sayHead(headFrom(responseHeads, 0, 0, 0), false);
    app.sayData(body.subarray(0, 100), false);
    app.sayTrailers(headFrom(trailerHeads, 0, 0, 0));
  }

  /** Bytes arrive, in pieces of `pieceBytes` (0: at once), each in memory that is overwritten afterwards. */
  receive(bytes: Buffer, pieceBytes: number, nowMs: number): void {
    let size = pieceBytes === 0 ? bytes.length : pieceBytes;
    for (let at = 0, pieces = 0; at < bytes.length; at += size) {
      if (++pieces > smallPiecesMax) size = bytes.length;
      const piece = bytes.subarray(at, at + size);
      const lent = Buffer.alloc(piece.length + 4, 0xee);
      piece.copy(lent, 2);
      this.model.goesIn(piece);
      // A read that begins many streams is taken in several goes, so that other connections have their turn.
      for (let from = 2, end = 2 + piece.length; from < end; ) {
        const next = this.connection.receive(lent, from, end, nowMs);
        check(next > from && next <= end, 'every go takes something');
        from = next;
      }
      lent.fill(0xdd);
      // What was written is looked at before more comes in; with nothing written, now and then will do.
      if (this.connection.out.length !== this.seen || pieces % 16 === 0) this.inspect();
    }
    this.inspect();
  }

  /** Looks at what was written since, and at what is kept. */
  inspect(): void {
    const { connection } = this;
    const { out } = connection;
    this.model.comesOut(Buffer.from(out.bytes.subarray(this.seen, out.length)));
    this.seen = out.length;
    const { bytesIn, bytesOut, dataOut, headersOut, framesIn } = this.model;
    const caused = bytesOut - dataOut - headersOut;
    check(
      caused <= outAlways + bytesIn * outPerByteIn + this.actions * outPerAction + dataOut,
      `${caused} bytes were written for ${bytesIn} that came in`,
    );
    check(this.events <= 20 + bytesIn * eventsPerByteIn + this.actions * 4, 'the listener is told too much');
    this.inspectMemory();
    if (this.over || framesIn === 0) return;
    check(
      connection.streams.size <= this.options.maxConcurrentStreams || connection.role === 'client',
      'streams stay within the limit',
    );
  }

  private inspectMemory(): void {
    const { connection, options } = this;
    const inside = connection as unknown as {
      queue: { size: number };
      resets: ReadonlySet<number>;
      buffered: number;
      withheld: number;
      reader: { carry: Buffer };
      assembly: { partBytes: number; parts: unknown[] };
    };
    const queued = inside.queue.size;
    check(
      queued <= connection.streams.size,
      `${queued} streams wait to send, and ${connection.streams.size} are open`,
    );
    check(inside.resets.size <= 2048, `${inside.resets.size} resets are remembered`);
    check(
      inside.reader.carry.length <= options.frameBytesMax + 9 + 64,
      'no more than a frame is carried over',
    );
    check(
      inside.assembly.parts.length <= options.continuationsMax + 1,
      'a section has no more parts than allowed',
    );
    const unread = this.apps.reduce((sum, app) => sum + (this.isOpen(app) ? app.unread : 0), 0);
    check(inside.buffered === unread, `${inside.buffered} bytes are accounted for, and ${unread} are unread`);
    check(unread >= options.bufferedBytesMax || inside.withheld === 0, 'no credit is withheld without need');
  }

  private isOpen(app: AppStream): boolean {
    const { id } = app.stream as AppStream['stream'] & { id: number };
    return this.connection.streams.get(id) === app.stream;
  }

  /** The transport takes what was written, and resets go out whose time has come. */
  flush(nowMs: number): void {
    this.collect();
    this.connection.serveResets(nowMs);
    if (!this.over) this.connection.flushed();
    this.collect();
  }

  /** Everything is said and given back, as an app does in the end. */
  complete(): void {
    for (const app of this.apps) {
      app.resume();
      if (!app.client) app.sayHead(headFrom(responseHeads, 0, 0, 0), false);
      app.sayData(body.subarray(0, 3), true);
    }
    this.inspect();
  }

  private collect(): void {
    this.inspect();
    const { out } = this.connection;
    this.outgoing = Buffer.concat([this.outgoing, out.bytes.subarray(0, out.length)]);
    out.clear();
    this.seen = 0;
  }

  takeOutgoing(): Buffer {
    const taken = this.outgoing;
    this.outgoing = Buffer.alloc(0);
    return taken;
  }

  /** A client's app makes a request. */
  open(pick: number, change: number, odd: number, end: boolean): AppStream | null {
    this.actions++;
    const stream = this.connection.open(unset);
    if (stream === null) return null;
    const app = this.hold(stream);
    stream.receiver = app;
    app.sayHead(headFrom(requestHeads, pick, change, odd), end);
    this.inspect();
    return app;
  }

  /** An app's deed, told by one record. */
  act(op: number, record: Uint8Array): void {
    if (this.apps.length === 0) return;
    const [, a, b, c, d, e] = record;
    const app = this.apps[this.apps.length - 1 - (a % this.apps.length)];
    this.actions++;
    switch (op) {
      case 0:
        if (!app.client) app.sayHead(headFrom(responseHeads, [0, 1, 4, 5, 6, 7][b % 6], 0, 0), (c & 1) === 1);
        break;
      case 1:
        app.sayData(body.subarray(0, ((b << 8) | c) % (d === 0 ? 70_000 : 1000)), (e & 1) === 1);
        break;
      case 2:
        app.sayTrailers(headFrom(trailerHeads, b, 0, 0));
        break;
      case 3:
        app.sayReset(b % 14);
        break;
      case 4:
        app.consume((b << 8) | c);
        break;
      case 5:
        app.reads = (b & 1) === 1;
        if (app.reads) app.resume();
        break;
    }
    this.inspect();
  }

  /** Ends it from the outside, and looks whether anything is left. */
  finish(): void {
    this.inspect();
    this.connection.transportClosed('the end of the script');
    this.inspect();
    check(this.over, 'a closed transport ends the connection');
    check(this.connection.streams.size === 0, 'no stream is left');
    for (const app of this.apps) {
      const settled = app.ended || app.failure !== null || app.resetSaid || app.endSaid;
      check(settled, 'every stream has come to an end that its holder heard of');
      app.sayData(body.subarray(0, 10), false);
      app.sayReset(8);
    }
    const length = this.connection.out.length;
    this.connection.receive(body, 0, 100, 0);
    this.connection.shutdown();
    check(this.connection.out.length === length, 'nothing is written once it is over');
    const inside = this.connection as unknown as { buffered: number; queue: { size: number } };
    check(inside.buffered === 0, `${inside.buffered} bytes are still accounted for`);
    check(inside.queue.size === 0, 'no stream waits to send');
  }
}

const unset = { head() {}, data() {}, trailers() {}, failed() {}, sent() {} };
