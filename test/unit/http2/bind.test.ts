import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { InternalErrors } from '../../../src/core/internal-errors.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { bindHttp2, type Http2Binding } from '../../../src/http2/bind.ts';
import type { ConnectionError } from '../../../src/http2/connection-core.ts';
import { FrameType } from '../../../src/http2/frame.ts';
import { type ConnectionOptions, connectionDefaults } from '../../../src/http2/options.ts';
import type { Http2Stream } from '../../../src/http2/stream.ts';
import { FlushScheduler } from '../../../src/transport/flush-scheduler.ts';
import { Recorder } from '../../support/memory-pair.ts';
import {
  data,
  framesOf,
  getHead,
  goaway,
  headers,
  ping,
  postHead,
  settings,
  settingsAck,
  windowUpdate,
} from './support.ts';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const greeting = Buffer.concat([preface, settings(), settingsAck]);
const ok = HeaderBlock.of([':status', '200']);

/** A bound server side of a real connection, and the raw socket of its client. */
interface Rig {
  readonly binding: Http2Binding;
  readonly client: Socket;
  readonly clock: VirtualClock;
  /** `ended` of the listener, each time it was called. */
  readonly ends: Array<ConnectionError | null>;
  /** Bytes that the client read. */
  readonly read: () => Buffer;
  /** Resolves once `when` holds; fails by the timeout of the test. */
  readonly until: (when: () => boolean) => Promise<void>;
}

const patienceMs = 8000;
const servers: Server[] = [];
const clients: Socket[] = [];

async function rig(
  onStream: (stream: Http2Stream, end: boolean) => void = () => {},
  options: Partial<ConnectionOptions> = {},
  first: Buffer | null = null,
  internalErrors?: InternalErrors,
): Promise<Rig> {
  const clock = new VirtualClock();
  const ends: Array<ConnectionError | null> = [];
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: first !== null });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  });
  clients.push(client);
  client.on('error', () => {});
  const chunks: Buffer[] = [];
  client.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [socket] = (await once(server, 'connection')) as [Socket];
  const binding = bindHttp2(
    socket,
    'server',
    { ...connectionDefaults, ...options },
    { clock, scheduler: new FlushScheduler(), internalErrors },
    { stream: (stream, _head, end) => onStream(stream, end), ended: (error) => ends.push(error) },
  );
  binding.start(first);
  const until = async (when: () => boolean): Promise<void> => {
    const deadlineMs = performance.now() + patienceMs;
    while (!when()) {
      if (performance.now() > deadlineMs) throw new Error(`not within ${patienceMs} ms: ${when}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { binding, client, clock, ends, read: () => Buffer.concat(chunks), until };
}

function countOf(bytes: Buffer, type: number): number {
  return framesOf(bytes).filter((frame) => frame.type === type).length;
}

describe('http2/socket-binding', () => {
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    for (const server of servers.splice(0)) {
      server.close();
      await once(server, 'close');
    }
  });

  it('carries calls, and writes once for all the calls of a read', async () => {
    const { binding, client, read, until } = await rig((stream) => {
      stream.head(ok, false);
      stream.trailers(HeaderBlock.of(['grpc-status', '0']));
    });
    let writes = 0;
    const { write } = binding.socket;
    binding.socket.write = ((...args: Parameters<Socket['write']>) => {
      writes++;
      return write.apply(binding.socket, args);
    }) as Socket['write'];
    const calls = Array.from({ length: 100 }, (_, index) => headers(index * 2 + 1, getHead, true));
    client.write(Buffer.concat([greeting, ...calls]));
    await until(() => countOf(read(), FrameType.HEADERS) === 200);
    expect(writes).to.be.at.most(3);
  });

  it('takes what was read before the protocol was known', async () => {
    const streams: number[] = [];
    const first = Buffer.concat([greeting, headers(1, getHead, true)]);
    const { binding, client, until } = await rig((stream) => streams.push(stream.id), {}, first);
    binding.socket.resume();
    client.write(headers(3, getHead, true));
    await until(() => streams.length === 2);
    expect(streams).to.deep.equal([1, 3]);
  });

  it('keeps bytes in order when a read begins more streams than one turn takes, and the socket is resumed', async () => {
    const streams: number[] = [];
    const calls = (from: number) =>
      Array.from({ length: 100 }, (_, index) => headers((from + index) * 2 + 1, getHead, true));
    const first = Buffer.concat([greeting, ...calls(0)]);
    const { binding, client, ends, until } = await rig(
      (stream) => {
        streams.push(stream.id);
        stream.head(ok, true);
      },
      { streamsPerTurnMax: 10 },
      first,
    );
    binding.socket.resume();
    binding.received(Buffer.concat(calls(100)), Buffer.concat(calls(100)).length);
    client.write(Buffer.concat(calls(200)));
    await until(() => streams.length === 300 || ends.length > 0);
    expect(ends).to.deep.equal([]);
    expect(streams).to.deep.equal(Array.from({ length: 300 }, (_, index) => index * 2 + 1));
  });

  it('begins no more streams in one turn of the event loop than it may, however often the socket is read in it', async () => {
    const most = 10;
    let begun = 0;
    let thisTurn = 0;
    let mostInTurn = 0;
    const { client, ends, until } = await rig(
      (stream) => {
        begun++;
        thisTurn++;
        if (stream.id > 1) stream.head(ok, true);
      },
      { streamsPerTurnMax: most, streamWindowBytes: 1 << 30, connectionWindowBytes: 1 << 30 },
    );
    let done = false;
    const turn = (): void => {
      mostInTurn = Math.max(mostInTurn, thisTurn);
      thisTurn = 0;
      if (!done) setImmediate(turn);
    };
    setImmediate(turn);
    // No read of 64 KiB holds as many as a turn may begin, and many reads are there to be had at once.
    const filler = data(1, 'x'.repeat(8000));
    const call = (i: number): Buffer => Buffer.concat([headers(i * 2 + 1, getHead, true), filler]);
    client.write(Buffer.concat([greeting, headers(1, postHead, false)]));
    await until(() => begun === 1);
    client.write(Buffer.concat(Array.from({ length: 299 }, (_, i) => call(i + 1))));
    await until(() => begun === 300 || ends.length > 0);
    done = true;
    expect(ends).to.deep.equal([]);
    // A turn of the test begins somewhere in one of the loop.
    expect(mostInTurn).to.be.within(most, 2 * most);
  });

  it('sends the reason to a peer that breaks the protocol, then closes', async () => {
    const { client, clock, ends, read } = await rig();
    client.write(Buffer.concat([greeting, data(1, 'x')]));
    await once(client, 'end');
    const last = framesOf(read()).at(-1)!;
    expect([last.type, last.payload.readUInt32BE(4)]).to.deep.equal([FrameType.GOAWAY, 1]);
    expect(ends.map((error) => error?.local)).to.deep.equal([true]);
    client.end();
    await once(client, 'close');
    expect(clock.pending).to.be.at.most(1);
  });

  it('ends in good order when nothing is left to write', async () => {
    const { binding, client, ends, until } = await rig();
    client.write(greeting);
    await until(() => binding.connection.settingsReceived);
    await until(() => binding.connection.out.length === 0);
    // Nothing is written here: the end alone has to close the socket.
    binding.connection.end(null);
    await once(client, 'end');
    expect(ends).to.deep.equal([null]);
  });

  it('fails the streams of a client that hangs up, once, and closes', async () => {
    const recorder = new Recorder();
    const { client, clock, ends, until } = await rig((stream) => {
      stream.receiver = recorder;
    });
    client.write(Buffer.concat([greeting, headers(1, postHead, false)]));
    client.end();
    await once(client, 'end');
    await until(() => clock.pending === 0);
    expect(recorder.failures.map(({ kind, message }) => [kind, message])).to.deep.equal([
      ['closed', 'the peer closed the connection'],
    ]);
    expect(ends.map((error) => error?.local)).to.deep.equal([false]);
  });

  it('ends a connection whose call threw with INTERNAL_ERROR, and fails all of its calls, whatever they throw', async () => {
    const errors = new InternalErrors(silentLogger);
    const recorders: Recorder[] = [];
    const onStream = (stream: Http2Stream): void => {
      const recorder = new Recorder();
      recorders.push(recorder);
      stream.receiver = recorder;
      if (stream.id === 1) {
        recorder.failed = () => {
          throw new Error('a bug in how it takes its end');
        };
      }
      if (stream.id === 5) throw new Error('a bug');
    };
    const { client, ends, read, until } = await rig(onStream, {}, null, errors);
    client.write(Buffer.concat([greeting, ...[1, 3, 5].map((id) => headers(id, postHead, false))]));
    await once(client, 'end');
    const last = framesOf(read()).at(-1)!;
    expect([last.type, last.payload.readUInt32BE(4)]).to.deep.equal([FrameType.GOAWAY, 2]);
    expect(errors.count('http2')).to.equal(2);
    expect(recorders.map(({ failures }) => failures.length)).to.deep.equal([0, 1, 1]);
    expect(ends.map((error) => [error?.local, error?.internal])).to.deep.equal([[false, true]]);
    client.end();
    await until(() => client.destroyed);
  });

  it('is destroyed without a timer left', async () => {
    const { binding, client, clock, ends, until } = await rig();
    client.write(greeting);
    await until(() => binding.connection.settingsReceived);
    binding.destroy('the listener was closed');
    await until(() => clock.pending === 0);
    expect(ends.length).to.equal(1);
    expect(binding.socket.destroyed).to.equal(true);
  });

  for (const [what, bytes, lingerMs] of [
    ['an error', data(1, 'x'), 1000],
    ['good order', Buffer.alloc(0), 30_000],
  ] as const) {
    it(`waits ${lingerMs} ms after ${what} for a peer that does not hang up, then closes`, async () => {
      const { binding, client, clock, until } = await rig();
      client.write(Buffer.concat([greeting, bytes]));
      await until(() => binding.connection.settingsReceived);
      if (bytes.length === 0) binding.connection.shutdown();
      await once(client, 'end');
      clock.advance(lingerMs - 1);
      expect(binding.socket.destroyed).to.equal(false);
      clock.advance(1);
      expect(binding.socket.destroyed).to.equal(true);
      await until(() => binding.socket.closed);
    });
  }

  it('holds little of a large reply that is not read, and all of it arrives in the end', async () => {
    // Each word another, or memory that is used again too early would not be noticed.
    const body = Buffer.from(Uint32Array.from({ length: 5_000_000 }, (_, index) => index).buffer);
    const recorder = new Recorder();
    const { binding, client, read, until } = await rig((stream) => {
      stream.receiver = recorder;
      stream.head(ok, false);
      // Credit for more as bytes leave, as a relay gets it.
      let at = 0;
      const send = (bytes: number): void => {
        const from = at;
        at = Math.min(body.length, at + bytes);
        if (at > from) stream.data(body, from, at, at === body.length);
      };
      recorder.sent = send;
      send(65_536);
    });
    client.pause();
    client.write(
      Buffer.concat([
        greeting,
        settings([4, 0x7fff_ffff]),
        windowUpdate(0, 0x7000_0000),
        headers(1, getHead, true),
      ]),
    );
    await until(() => binding.socket.writableNeedDrain);
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(binding.socket.writableLength + binding.connection.out.length).to.be.below(1_000_000);
    client.resume();
    await until(() => binding.connection.active === 0);
    await until(() => read().length > body.length);
    const pieces = framesOf(read()).filter(({ type }) => type === FrameType.DATA);
    expect(Buffer.concat(pieces.map(({ payload }) => payload)).equals(body)).to.equal(true);
    expect((binding as unknown as { held: unknown[] }).held, 'blocks that the socket had').to.deep.equal([]);
  });

  it('stops reading from a peer that asks for answers and reads none, and goes on when it reads', async () => {
    const { binding, client, read, ends, until } = await rig(() => {}, {
      controlFramesMax: 1e9,
      glitchesMax: 1e9,
    });
    client.pause();
    client.write(greeting);
    const pings = Buffer.concat(Array.from({ length: 5000 }, () => ping()));
    let sent = 0;
    while (!binding.socket.isPaused() && sent < 10_000) {
      client.write(pings);
      sent++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(binding.socket.isPaused()).to.equal(true);
    // What the acknowledgements take is bounded, and stays so while the client goes on.
    for (let turn = 0; turn < 100; turn++) {
      client.write(ping());
      await new Promise((resolve) => setImmediate(resolve));
    }
    const held = binding.connection.out.length + binding.socket.writableLength;
    expect(held).to.be.below(2_500_000);
    client.resume();
    const total = sent * 5000 + 100;
    await until(() => read().length >= total * 17);
    expect(countOf(read(), FrameType.PING)).to.equal(total);
    expect(binding.socket.isPaused()).to.equal(false);
    expect(ends).to.deep.equal([]);
  }).timeout(20_000);

  it('as a client says its calls and hears that the server goes away', async () => {
    const server = createServer({ allowHalfOpen: true });
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const clock = new VirtualClock();
    const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
    const events: string[] = [];
    const binding = bindHttp2(
      socket,
      'client',
      connectionDefaults,
      { clock, scheduler: new FlushScheduler() },
      {
        ready: () => events.push('ready'),
        goaway: () => events.push('goaway'),
        ended: (error) => events.push(`ended ${error?.message ?? 'in good order'}`),
      },
    );
    binding.start();
    const [peer] = (await once(server, 'connection')) as [Socket];
    clients.push(peer);
    peer.resume();
    peer.on('end', () => peer.end());
    peer.write(Buffer.concat([settings(), settingsAck]));
    while (events.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const recorder = new Recorder();
    const stream = binding.connection.open(recorder)!;
    recorder.stream = stream;
    stream.head(HeaderBlock.of(...getHead), true);
    peer.write(Buffer.concat([goaway(1, 0), headers(1, [[':status', '200']], true)]));
    await once(socket, 'close');
    expect(events).to.deep.equal(['ready', 'goaway', 'ended in good order']);
    expect(recorder.summary).to.equal('head 200 last, ends 1');
    expect(clock.pending).to.equal(0);
  });
});
