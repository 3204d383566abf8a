import { expect } from 'chai';
import fc from 'fast-check';
import { constantField, type Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import type { ReceiveWindow, SendWindow } from '../../../src/http2/flow-window.ts';
import { FrameType } from '../../../src/http2/frame.ts';
import { SettingId } from '../../../src/http2/settings.ts';
import type { Http2Stream } from '../../../src/http2/stream.ts';
import { MemoryPair, type PairEnd, Recorder } from '../../support/memory-pair.ts';
import { framesOf, getHead, postHead } from './support.ts';

/** What a test may see of a stream and of a connection that nobody else may. */
interface StreamInside {
  readonly sendWindow: SendWindow;
  readonly receiveWindow: ReceiveWindow;
}
interface ConnectionInside {
  readonly buffered: number;
}
const inside = (stream: Http2Stream): StreamInside => stream as unknown as StreamInside;

const body = Buffer.from(Array.from({ length: 400_000 }, (_, index) => (index * 7) & 0xff));
const repeats = ['a', 'b', 'c'].map((name) => constantField(name, `${name} again and again`));

type Side = 'client' | 'server';

/** One stream as both ends see it, and what the script has done to it. */
interface Call {
  readonly stream: Record<Side, Http2Stream | null>;
  readonly recorder: Record<Side, Recorder | null>;
  readonly said: Record<Side, { head: boolean; end: boolean; bytes: number }>;
  /** Events that the recorder of a side had when that side reset the stream. */
  readonly resetAt: Record<Side, number | null>;
}

const side = fc.constantFrom<Side>('client', 'server');
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('open' as const), end: fc.boolean(), fields: fc.nat(7) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('data' as const),
      side,
      call: fc.nat(9),
      bytes: fc.oneof(fc.nat(100), fc.nat(70_000)),
      last: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('trailers' as const), side, call: fc.nat(9) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('reply' as const),
      call: fc.nat(9),
      end: fc.boolean(),
      fields: fc.nat(7),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reset' as const), side, call: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('stall' as const), side, call: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('resume' as const), side, call: fc.nat(9) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      side,
      frames: fc.integer({ min: 1, max: 12 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('transport' as const), side, ready: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('window' as const),
      side,
      bytes: fc.constantFrom(0, 1, 1000, 16_384, 65_535, 65_536, 200_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('table' as const),
      side,
      bytes: fc.constantFrom(0, 60, 200, 4096),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Runs a script over a pair and checks after each step what has to hold at any time. */
class Run {
  readonly pair: MemoryPair;
  readonly calls: Call[] = [];
  private nextPieceBytes = 0;
  private readonly windowBytes: Record<Side, number> = { client: 65_536, server: 65_536 };

  constructor() {
    this.pair = new MemoryPair({
      pieceBytes: () => this.nextPieceBytes,
      server: { bufferedBytesMax: 100_000 },
    });
    this.pair.server.handler = (stream, _head, end, recorder) => {
      const call = this.calls.find((one) => one.stream.client?.id === stream.id)!;
      call.stream.server = stream;
      call.recorder.server = recorder;
      if (end) recorder.ends = 1;
    };
    this.settle();
  }

  do(one: Step): void {
    switch (one.do) {
      case 'open':
        return this.open(one.end, one.fields);
      case 'data':
        return this.withCall(one.call, one.side, (call, stream) => {
          const said = call.said[one.side];
          const bytes = Math.min(one.bytes, body.length - said.bytes);
          stream.data(body, said.bytes, said.bytes + bytes, one.last);
          said.bytes += bytes;
          said.end = one.last;
        });
      case 'trailers':
        return this.withCall(one.call, one.side, (call, stream) => {
          call.said[one.side].end = true;
          stream.trailers(HeaderBlock.of(['grpc-status', '0']));
        });
      case 'reply':
        return this.reply(one.call, one.end, one.fields);
      case 'reset': {
        const call = this.callAt(one.call);
        const recorder = call?.recorder[one.side];
        if (call === undefined || recorder == null || call.resetAt[one.side] !== null) return;
        call.resetAt[one.side] = recorder.events.length;
        call.stream[one.side]!.reset(8);
        recorder.stalled = true;
        return;
      }
      case 'stall': {
        const recorder = this.callAt(one.call)?.recorder[one.side];
        if (recorder != null) recorder.stalled = true;
        return;
      }
      case 'resume': {
        const call = this.callAt(one.call);
        if (call !== undefined && call.resetAt[one.side] === null) call.recorder[one.side]?.resume();
        return;
      }
      case 'deliver':
        for (let i = 0; i < one.frames; i++) if (!this.deliver(this.pair[one.side])) return;
        return;
      case 'transport':
        return this.pair[one.side].connection.setTransportReady(one.ready);
      case 'window':
        return this.changeWindow(one.side, one.bytes);
      case 'table':
        return this.changeTable(one.side, one.bytes);
    }
  }

  /** What may be sent, and what is on its way, is what was granted: connection and streams, both directions. */
  checkWindows(): void {
    for (const [from, to] of [
      ['client', 'server'],
      ['server', 'client'],
    ] as const) {
      const sender = this.pair[from];
      const receiver = this.pair[to];
      const onTheWay = [...this.unsent(sender)].filter(({ type }) => type === FrameType.DATA);
      const credit = this.unsent(receiver).filter(({ type }) => type === FrameType.WINDOW_UPDATE);
      const sum = (id: number | null): number =>
        onTheWay
          .filter((one) => id === null || one.id === id)
          .reduce((bytes, { payload }) => bytes + payload.length, 0) +
        credit
          .filter((one) => one.id === (id ?? 0))
          .reduce((bytes, { payload }) => bytes + payload.readUInt32BE(0), 0);
      expect(sender.connection.sendWindow.available + sum(null), `connection, ${from} to ${to}`).to.equal(
        receiver.connection.receiveWindow.outstanding,
      );
      for (const call of this.calls) {
        const [sends, receives] = [call.stream[from], call.stream[to]];
        if (sends === null || receives === null || !receives.open) continue;
        if (call.resetAt.client !== null || call.resetAt.server !== null) continue;
        // A server that has replied before the request ended is done with the stream, and with credit that comes for it.
        if (sender.connection.streams.get(sends.id) === undefined) continue;
        expect(
          inside(sends).sendWindow.available + sum(sends.id),
          `stream ${sends.id}, ${from} to ${to}`,
        ).to.equal(inside(receives).receiveWindow.outstanding);
      }
    }
  }

  /** What the connection counts as held is what the receivers hold, of streams that still may receive or reply. */
  checkHeld(): void {
    for (const which of ['client', 'server'] as const) {
      const { connection } = this.pair[which];
      const open = this.calls.filter(
        (call) => connection.streams.get(call.stream[which]?.id ?? 0) !== undefined,
      );
      const unread = open.reduce((sum, call) => sum + (call.recorder[which]?.unread ?? 0), 0);
      expect((connection as unknown as ConnectionInside).buffered, `${which} holds`).to.equal(unread);
    }
  }

  checkTables(): void {
    const { client, server } = this.pair;
    const names = (fields: Field[]): string[] => fields.map(({ name, value }) => `${name}=${value}`);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ]) {
      expect(names(to.connection.decoder.entries())).to.deep.equal(
        names(from.connection.writer.encoder.entries()),
      );
    }
  }

  /** Lets everything flow, then takes the connection away: each stream has ended once, with what was sent. */
  finish(): void {
    for (const which of ['client', 'server'] as const) {
      if (this.windowBytes[which] < 65_536) this.changeWindow(which, 65_536);
      this.pair[which].connection.setTransportReady(true);
    }
    for (const call of this.calls) {
      for (const which of ['client', 'server'] as const) {
        if (call.resetAt[which] === null) call.recorder[which]?.resume();
      }
    }
    this.settle();
    this.checkWindows();
    this.checkHeld();
    this.checkTables();
    // A reply that is whole ends its stream at both ends, by RST_STREAM(NO_ERROR) where the request is not.
    const open = this.calls.filter(
      ({ said, resetAt }) => resetAt.client === null && resetAt.server === null && !said.server.end,
    );
    for (const end of [this.pair.client, this.pair.server]) {
      expect(end.error, 'no connection error').to.equal(undefined);
      expect(end.connection.active, 'streams that are open').to.equal(open.length);
      end.connection.transportClosed('the script is over');
      expect(end.connection.active).to.equal(0);
      expect((end.connection as unknown as ConnectionInside).buffered).to.equal(0);
    }
    for (const call of this.calls) this.checkEnd(call);
  }

  private checkEnd(call: Call): void {
    const whole = (which: Side): boolean => call.resetAt[which] === null && call.said[which].end;
    for (const [from, to] of [
      ['client', 'server'],
      ['server', 'client'],
    ] as const) {
      const recorder = call.recorder[to];
      if (recorder === null) continue;
      const { bytes } = call.said[from];
      expect(recorder.body.equals(body.subarray(0, recorder.body.length)), 'bytes in order').to.equal(true);
      expect(recorder.body.length).to.be.at.most(bytes);
      const resetAt = call.resetAt[to];
      if (resetAt !== null) expect(recorder.events.length, 'nothing after a reset').to.equal(resetAt);
      expect(recorder.failures.length).to.be.at.most(1);
      const ends = recorder.ends - recorder.failures.length;
      expect(ends).to.be.at.most(1);
      if (to === 'client' && resetAt === null) expect(recorder.ends, 'a reply ends exactly once').to.equal(1);
      // A reply that is whole refuses the rest of its request: then only the reply has to be.
      if (to === 'client' && whole('server') && resetAt === null) {
        expect([ends, recorder.body.length]).to.deep.equal([1, bytes]);
      }
      if (to === 'server' && whole('client') && resetAt === null && !call.said.server.end) {
        expect([ends, recorder.body.length]).to.deep.equal([1, bytes]);
      }
    }
  }

  settle(): void {
    for (let again = true; again; ) {
      again = this.deliver(this.pair.client);
      again = this.deliver(this.pair.server) || again;
    }
  }

  /** Moves one frame (or the preface) to the other end. */
  private deliver(from: PairEnd): boolean {
    from.flush();
    const { wire } = from;
    if (wire.length === 0) return false;
    this.nextPieceBytes = wire.toString('latin1', 0, 3) === 'PRI' ? 24 : 9 + wire.readUIntBE(0, 3);
    return this.pair.step(from);
  }

  private unsent(end: PairEnd) {
    const { out } = end.connection;
    return framesOf(Buffer.concat([end.wire, out.bytes.subarray(0, out.length)]));
  }

  private open(end: boolean, fields: number): void {
    const head = new HeaderBlock([
      ...HeaderBlock.of(...(end ? getHead : postHead)).fields,
      ...this.some(fields),
    ]);
    const recorder = new Recorder();
    const stream = this.pair.client.connection.open(recorder)!;
    recorder.stream = stream;
    // Known to the list first: what the server hears it looks up there.
    this.calls.push({
      stream: { client: stream, server: null },
      recorder: { client: recorder, server: null },
      said: { client: { head: true, end, bytes: 0 }, server: { head: false, end: false, bytes: 0 } },
      resetAt: { client: null, server: null },
    });
    stream.head(head, end);
  }

  private reply(index: number, end: boolean, fields: number): void {
    const call = this.callAt(index);
    const said = call?.said.server;
    if (call === undefined || said === undefined || said.head || call.resetAt.server !== null) return;
    if (call.stream.server === null) return;
    said.head = true;
    said.end = end;
    call.stream.server.head(
      new HeaderBlock([...HeaderBlock.of([':status', '200']).fields, ...this.some(fields)]),
      end,
    );
  }

  private some(bits: number): Field[] {
    return repeats.filter((_, index) => (bits >> index) & 1);
  }

  private callAt(index: number): Call | undefined {
    return this.calls.length === 0 ? undefined : this.calls[index % this.calls.length];
  }

  /** For what a side may say only between its head and its end. */
  private withCall(index: number, which: Side, use: (call: Call, stream: Http2Stream) => void): void {
    const call = this.callAt(index);
    const stream = call?.stream[which];
    if (call === undefined || stream == null || call.resetAt[which] !== null) return;
    if (call.said[which].head && !call.said[which].end) use(call, stream);
  }

  /** A new SETTINGS_INITIAL_WINDOW_SIZE by hand: the engine itself never changes its mind. */
  private changeWindow(which: Side, bytes: number): void {
    const { connection } = this.pair[which];
    const change = bytes - this.windowBytes[which];
    this.windowBytes[which] = bytes;
    const shift = (): void => {
      (connection.options as { streamWindowBytes: number }).streamWindowBytes = bytes;
      for (const call of this.calls) {
        const stream = call.stream[which];
        if (stream === null) continue;
        stream.shrinkReceiveWindow(-change);
        // Its debt is announced by half of what it is now.
        const { receiveWindow } = inside(stream);
        (receiveWindow as unknown as { size: number }).size += change;
        // A smaller size may make it worth announcing, and nobody else does until more is disposed of.
        const increment = change < 0 && stream.open ? receiveWindow.release(0, bytes) : 0;
        if (increment > 0) connection.writer.windowUpdate(stream.id, increment);
      }
    };
    if (change > 0) shift();
    connection.writer.settings([[SettingId.INITIAL_WINDOW_SIZE, bytes]]);
    const before = this.calls.length;
    this.settle();
    expect(this.calls.length).to.equal(before);
    if (change < 0) shift();
  }

  /** A new SETTINGS_HEADER_TABLE_SIZE by hand, between blocks. */
  private changeTable(which: Side, bytes: number): void {
    this.settle();
    const { connection } = this.pair[which];
    connection.writer.settings([[SettingId.HEADER_TABLE_SIZE, bytes]]);
    this.settle();
    connection.decoder.setTableBytesMax(bytes);
  }
}

describe('http2/connection, any run of calls', () => {
  it('conserves windows, keeps the tables of both ends equal, and ends each stream once', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 120, size: 'max' }), (steps) => {
        const run = new Run();
        for (const one of steps) {
          run.do(one);
          run.checkWindows();
          run.checkHeld();
        }
        run.finish();
      }),
      { numRuns: 250 },
    );
  }).timeout(60_000);
});
