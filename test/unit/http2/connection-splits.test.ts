import { expect } from 'chai';
import fc from 'fast-check';
import { constantField } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { Flag, FrameType } from '../../../src/http2/frame.ts';
import { MemoryPair, type PairEnd } from '../../support/memory-pair.ts';
import {
  data,
  frame,
  framesOf,
  getHead,
  headers,
  okHead,
  paddedData,
  postHead,
  reset,
  Scripted,
  settings,
} from './support.ts';

const ok = HeaderBlock.of(...okHead);
const repeatedFields = [...postHead, ['te', 'trailers'] as const].map(([name, value]) =>
  constantField(name, value),
);
const heads = [
  new HeaderBlock(repeatedFields),
  HeaderBlock.of(...getHead),
  HeaderBlock.of(...postHead, ['x', 'y'.repeat(30_000)]),
];
const body = Buffer.from(Array.from({ length: 60_000 }, (_, index) => index & 0xff));

function answers(server: PairEnd): void {
  server.handler = (stream, _head, end, recorder) => {
    stream.head(ok, false);
    recorder.sent = (bytes) => stream.consumed(bytes);
    recorder.data = (bytes, from, to, last) => {
      recorder.events.push(`data ${to - from}${last ? ' last' : ''}`);
      stream.data(bytes, from, to, last);
    };
    if (end) stream.trailers(HeaderBlock.of(['grpc-status', '0']));
  };
}

/** All that a client says in a run with calls of many kinds, and what the server answers to it. */
function recordedRun(): { client: Buffer; server: Buffer } {
  const pair = new MemoryPair();
  answers(pair.server);
  const said = { client: Buffer.alloc(0), server: Buffer.alloc(0) };
  const move = (from: PairEnd, key: 'client' | 'server'): void => {
    from.flush();
    said[key] = Buffer.concat([said[key], from.wire]);
    pair.step(from);
  };
  for (const [index, size] of [0, 1, 300, 20_000, 60_000, 5].entries()) {
    const { stream } = pair.request(heads[index % heads.length], size === 0);
    if (size > 0) stream.data(body, 0, size, index % 2 === 0);
    move(pair.client, 'client');
    move(pair.server, 'server');
    if (index === 3) stream.reset(8);
    else if (size > 0 && index % 2 === 1) stream.trailers(HeaderBlock.of(['x', 'y']));
  }
  for (let turn = 0; turn < 5; turn++) {
    move(pair.client, 'client');
    move(pair.server, 'server');
  }
  return said;
}

/** Events with each run of DATA told as one: a frame that came in two reads is handed on in two pieces. */
function joined(events: readonly string[]): string[] {
  const told: string[] = [];
  for (const event of events) {
    const bytes = /^data (\d+)/.exec(event);
    const before = /^data (\d+)$/.exec(told.at(-1) ?? '');
    if (bytes === null || before === null) told.push(event);
    else told[told.length - 1] = event.replace(bytes[1], `${Number(before[1]) + Number(bytes[1])}`);
  }
  return told;
}

/**
 * What was written, told alike however DATA that is passed on was cut: per stream its frames, DATA put together; the others
 * in their order over all streams. When credit is given depends on the cuts, and is judged by `credit`.
 */
function told(written: Buffer): unknown {
  const streams = new Map<number, Array<[what: string, bytes: string]>>();
  const order: string[] = [];
  const preface = written.subarray(0, 3).toString('latin1') === 'PRI' ? 24 : 0;
  for (const { type, flags, id, payload } of framesOf(written.subarray(preface))) {
    if (type === FrameType.WINDOW_UPDATE) continue;
    const what = `${type} ${flags} ${id}`;
    const frames = streams.get(id) ?? [];
    streams.set(id, frames);
    const before = frames.at(-1);
    if (type !== FrameType.DATA) order.push(what);
    if (type === FrameType.DATA && before?.[0] === `${FrameType.DATA} 0 ${id}`) {
      before[0] = what;
      before[1] += payload.toString('hex');
    } else frames.push([what, payload.toString('hex')]);
  }
  return [order, [...streams].sort(([a], [b]) => a - b)];
}

/** What the peer may send on the whole connection, and what it will be allowed once what is held was disposed of. */
function credit(end: Scripted): number {
  const core = end.connection as unknown as { withheld: number };
  const window = end.connection.receiveWindow as unknown as { granted: number; owed: number };
  return window.granted + window.owed + core.withheld;
}

/** What one end makes of bytes in pieces: its events, and the bytes it wrote. */
function replay(role: 'client' | 'server', bytes: Buffer, pieces: readonly number[]): unknown {
  const end = new Scripted(role, {}, false);
  const calls =
    role === 'client'
      ? heads.slice(0, 2).map((head) =>
          end.request(
            [...head.allFields].map((f) => [f.name, f.value] as const),
            false,
          ),
        )
      : [];
  answers(end);
  for (let at = 0, piece = 0; at < bytes.length; piece++) {
    const until = pieces.length === 0 ? bytes.length : at + pieces[piece % pieces.length];
    end.send(bytes.subarray(at, until));
    // DATA in pieces of a byte comes to ten times as much; what leaves too late waits, and is cut anew.
    if (end.connection.out.length > 100_000) end.flush();
    at = until;
  }
  end.flush();
  return {
    error: end.error ?? null,
    events: end.events,
    calls: [...end.requests.map(({ recorder }) => recorder), ...calls].map(({ events }) => joined(events)),
    written: told(end.wire),
    credit: credit(end),
  };
}

const pieces = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20_000 })), {
  minLength: 1,
  maxLength: 30,
});

describe('http2/connection, bytes', () => {
  const run = recordedRun();

  for (const role of ['server', 'client'] as const) {
    const bytes = role === 'server' ? run.client : run.server;

    it(`give a ${role} the same events and answers however they are split`, () => {
      const whole = replay(role, bytes, []);
      fc.assert(
        fc.property(pieces, (sizes) => {
          expect(replay(role, bytes, sizes)).to.deep.equal(whole);
        }),
        { numRuns: 60 },
      );
      expect(replay(role, bytes.subarray(0, 4000), [1])).to.deep.equal(
        replay(role, bytes.subarray(0, 4000), []),
      );
    });

    it(`that are damaged do the same to a ${role} however they are split, and never throw`, () => {
      const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
        minLength: 1,
        maxLength: 6,
      });
      fc.assert(
        fc.property(damage, pieces, (changes, sizes) => {
          const broken = Buffer.from(bytes);
          for (const [at, byte] of changes) broken[at % broken.length] = byte;
          expect(replay(role, broken, sizes)).to.deep.equal(replay(role, broken, []));
        }),
        { numRuns: 80 },
      );
    });

    it(`that mean nothing never make a ${role} throw`, () => {
      const type = fc.oneof(fc.constantFrom(...Object.values(FrameType)), fc.nat(255));
      const id = fc.oneof(fc.constantFrom(0, 1, 2, 3, 5, 7, 0x7fff_ffff, 0x8000_0001), fc.nat(50));
      const anyFrame = fc
        .tuple(
          type,
          fc.oneof(fc.constantFrom(0, 1, 4, 5, 8, 0x20, 0x2d), fc.nat(255)),
          id,
          fc.uint8Array({ maxLength: 40 }),
        )
        .map(([type, flags, id, payload]) => frame(type, flags, id, payload));
      const sensible = fc.constantFrom(
        headers(1, postHead, false),
        headers(3, getHead, true),
        headers(1, okHead, false),
        headers(3, okHead, true),
        data(1, 'abc'),
        data(3, '', true),
        paddedData(1, Buffer.from('abc'), 7),
        reset(1, 8),
        settings([4, 0]),
        settings([4, 0x7fff_ffff], [1, 0], [3, 0]),
        frame(FrameType.SETTINGS, Flag.ACK, 0),
      );
      const bytesToSend = fc.oneof(
        { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }).map((raw) => Buffer.from(raw)) },
        { weight: 8, arbitrary: anyFrame },
        { weight: 8, arbitrary: sensible },
      );
      fc.assert(
        fc.property(fc.array(bytesToSend, { maxLength: 40, size: 'max' }), fc.boolean(), (chunks, greet) => {
          const end = new Scripted(role, {}, greet);
          const calls = role === 'client' && greet ? [end.request(postHead, false), end.request()] : [];
          answers(end);
          for (const chunk of chunks) end.send(chunk);
          end.connection.transportClosed('the test is over');
          for (const recorder of calls) expect(recorder.ends).to.equal(1);
          for (const { recorder } of end.requests) expect(recorder.failures.length).to.be.at.most(1);
          expect(end.events.filter((event) => event === 'ended').length).to.equal(1);
          expect(end.connection.active).to.equal(0);
        }),
        { numRuns: 400 },
      );
    });
  }
});
