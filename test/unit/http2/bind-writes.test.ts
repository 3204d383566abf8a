import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { bindHttp2 } from '../../../src/http2/bind.ts';
import type { ConnectionError } from '../../../src/http2/connection-core.ts';
import { FrameType } from '../../../src/http2/frame.ts';
import { connectionDefaults } from '../../../src/http2/options.ts';
import type { Http2Stream } from '../../../src/http2/stream.ts';
import { FlushScheduler } from '../../../src/transport/flush-scheduler.ts';
import { framesOf, getHead, headers, ping, settings, settingsAck } from './support.ts';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const greeting = Buffer.concat([preface, settings(), settingsAck]);

/** A socket whose kernel takes a write only when the test says so. */
class SlowSocket extends Duplex {
  readonly taken: Buffer[] = [];
  private waiting: { chunk: Buffer; done: () => void } | null = null;
  /** Takes every write at once. */
  fast = true;

  constructor() {
    super({ highWaterMark: 16_384 });
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.waiting = { chunk, done };
    if (this.fast) this.takeOne();
  }

  /** The kernel takes the oldest write, with the bytes that its memory has now. */
  takeOne(): void {
    const { waiting } = this;
    this.waiting = null;
    if (waiting === null) return;
    this.taken.push(Buffer.from(waiting.chunk));
    waiting.done();
  }

  setNoDelay(): this {
    return this;
  }
}

function rig(onStream: (stream: Http2Stream) => void = () => {}) {
  const socket = new SlowSocket();
  const clock = new VirtualClock();
  const ends: Array<ConnectionError | null> = [];
  const turns: Array<() => void> = [];
  const binding = bindHttp2(
    socket as unknown as Socket,
    'server',
    { ...connectionDefaults, controlFramesMax: 1e9, glitchesMax: 1e9 },
    { clock, scheduler: new FlushScheduler((run) => turns.push(run)) },
    { stream: onStream, ended: (error) => ends.push(error) },
  );
  binding.start();
  const receive = (...bytes: Buffer[]): void => {
    const read = Buffer.concat(bytes);
    binding.received(read, read.length);
    for (const turn of turns.splice(0)) turn();
  };
  receive(greeting);
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
  const pings = (count: number) => receive(...Array.from({ length: count }, () => ping()));
  const acknowledged = () =>
    framesOf(Buffer.concat(socket.taken)).filter(({ type }) => type === FrameType.PING).length;
  const held = () => (binding as unknown as { held: Buffer[] }).held;
  return { socket, clock, ends, binding, receive, settled, pings, acknowledged, held };
}

describe('http2/socket-binding, where the socket takes its time', () => {
  it('writes what gathered while the socket was full as soon as it drains, and all of it once', async () => {
    const { socket, binding, settled, pings, acknowledged, held } = rig();
    await settled();
    socket.fast = false;
    pings(2000); // 34,000 bytes: above its high-water mark
    expect(socket.writableNeedDrain).to.equal(true);
    expect(binding.connection.transportReady).to.equal(false);
    pings(10);
    expect(binding.connection.out.length).to.equal(170);
    socket.fast = true;
    socket.takeOne();
    await settled();
    expect(binding.connection.out.length).to.equal(0);
    expect(acknowledged()).to.equal(2010);
    expect(binding.connection.transportReady).to.equal(true);
    expect(held()).to.have.length(0);
    socket.destroy();
  });

  it('is not ready again where what gathered fills the socket again', async () => {
    const { socket, binding, settled, pings, acknowledged } = rig();
    await settled();
    socket.fast = false;
    pings(2000);
    pings(2000);
    socket.takeOne();
    await settled();
    expect([socket.writableNeedDrain, binding.connection.transportReady]).to.deep.equal([true, false]);
    socket.takeOne();
    await settled();
    expect([socket.writableNeedDrain, binding.connection.transportReady]).to.deep.equal([false, true]);
    expect(acknowledged()).to.equal(4000);
    socket.destroy();
  });

  it('uses no memory again that waits in the socket, though an earlier write is done', async () => {
    const { socket, settled, pings, acknowledged, held } = rig();
    await settled();
    socket.fast = false;
    // Each write needs more than a connection keeps, and both together less than makes the socket ask for a pause.
    pings(300);
    pings(300);
    expect(socket.writableNeedDrain).to.equal(false);
    expect(held()).to.have.length(2);
    socket.takeOne();
    await settled();
    expect(held(), 'the second write still waits').to.have.length(2);
    socket.takeOne();
    await settled();
    expect(held()).to.have.length(0);
    expect(acknowledged()).to.equal(600);
    socket.destroy();
  });

  it('has its memory back after a drain, where every write was small', async () => {
    const { socket, settled, pings, acknowledged, held } = rig();
    await settled();
    socket.fast = false;
    // Writes of 3,400 bytes each use the connection's own memory, and nobody is told when they are done.
    for (let i = 0; i < 5; i++) pings(200);
    expect(socket.writableNeedDrain).to.equal(true);
    expect(held()).to.have.length(5);
    for (let i = 0; i < 5; i++) socket.takeOne();
    await settled();
    expect(held()).to.have.length(0);
    expect(acknowledged()).to.equal(1000);
    socket.destroy();
  });

  it('leaves the memory of a destroyed socket to the collector', async () => {
    const { socket, settled, pings, held } = rig();
    await settled();
    socket.fast = false;
    pings(300);
    socket.destroy();
    socket.takeOne();
    await settled();
    expect(held()).to.have.length(1);
  });

  it('gives a peer up that reads none of 8 MiB of replies, and not before', async () => {
    const head = HeaderBlock.of([':status', '200'], ['x', 'é'.repeat(60_000)]);
    const { socket, clock, ends, binding, receive, settled } = rig((stream) => stream.head(head, true));
    await settled();
    socket.fast = false;
    let id = 1;
    while (ends.length === 0 && id < 1000) {
      const before = binding.connection.out.length;
      expect(before).to.be.at.most(8_388_608);
      receive(headers(id, getHead, true));
      id += 2;
    }
    expect(ends.map((error) => error?.message)).to.deep.equal(['it reads none of its replies']);
    expect(binding.connection.out.length).to.be.above(8_388_608);
    expect(socket.destroyed).to.equal(true);
    await settled();
    expect(clock.pending).to.equal(0);
  });
});
