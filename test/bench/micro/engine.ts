/**
 * What a unary call costs in the HTTP/2 engine alone: a client and a server connection joined in memory, no socket and no
 * proxy. `node test/bench/micro/engine.ts` prints the median and the best of several rounds in nanoseconds of CPU per call
 * (steadier than the clock on a shared machine), both ends together: two heads, two messages of 25 bytes, trailers; for
 * larger bodies, nanoseconds per KiB.
 */
import { constantField, Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import type { StreamReceiver } from '../../../src/core/message-stream.ts';
import { Http2Connection } from '../../../src/http2/connection.ts';
import type { ConnectionListener } from '../../../src/http2/connection-core.ts';
import { connectionDefaults } from '../../../src/http2/options.ts';
import type { Http2Stream } from '../../../src/http2/stream.ts';

const rounds = 15;

function repeated(...fields: Field[]): HeaderBlock {
  const block = new HeaderBlock(fields);
  block.repeated = true;
  return block;
}

const requestBase = repeated(
  constantField(':method', 'POST'),
  constantField(':scheme', 'http'),
  constantField(':path', '/helloworld.Greeter/SayHello'),
  constantField(':authority', 'localhost:50051'),
  constantField('content-type', 'application/grpc'),
  constantField('te', 'trailers'),
  constantField('user-agent', 'grpc-node-js/1.14.7'),
);
const replyHead = repeated(
  constantField(':status', '200'),
  constantField('content-type', 'application/grpc'),
);
const replyTrailers = repeated(constantField('grpc-status', '0'));
let calls = 0;
let wire = Buffer.allocUnsafeSlow(1 << 20);

function traced(): HeaderBlock {
  const id = (Math.imul(++calls, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0');
  return new HeaderBlock(
    [new Field('traceparent', `00-4bf92f3577b34da6a3ce929d${id}-00f067aa${id}-01`)],
    requestBase,
  );
}

const quiet: ConnectionListener = {
  stream() {},
  oversize() {},
  ready() {},
  capacity() {},
  goaway() {},
  ended(error) {
    if (error !== null) throw new Error(error.message);
  },
  written() {},
};

/** Answers each request whole, once it is whole. */
class Responder implements StreamReceiver {
  private readonly stream: Http2Stream;
  private readonly message: Buffer;
  constructor(stream: Http2Stream, message: Buffer) {
    this.stream = stream;
    this.message = message;
  }
  head(): void {}
  data(_bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.stream.consumed(end - start);
    if (!last) return;
    this.stream.head(replyHead, false);
    this.stream.data(this.message, 0, this.message.length, false);
    this.stream.trailers(replyTrailers);
  }
  trailers(): void {}
  failed(): void {}
  sent(): void {}
}

class Caller implements StreamReceiver {
  stream: Http2Stream | null = null;
  private readonly done: () => void;
  constructor(done: () => void) {
    this.done = done;
  }
  head(): void {}
  data(_bytes: Uint8Array, start: number, end: number): void {
    this.stream!.consumed(end - start);
  }
  trailers(): void {
    this.done();
  }
  failed(): void {
    throw new Error('a call failed');
  }
  sent(): void {}
}

/** `count` calls with `inFlight` of them at a time; nanoseconds of CPU in all. */
function run(count: number, inFlight: number, messageBytes: number, head: () => HeaderBlock): number {
  const message = Buffer.alloc(messageBytes, 0x61);
  const server = new Http2Connection('server', connectionDefaults, {
    ...quiet,
    stream: (stream) => {
      stream.receiver = new Responder(stream, message);
    },
  });
  const client = new Http2Connection('client', connectionDefaults, quiet);
  client.start();
  server.start();
  // Made beforehand: what a head costs its maker is no cost of the engine.
  const heads = Array.from({ length: count }, head);
  let left = count;
  let open = 0;
  const call = (): void => {
    left--;
    open++;
    const caller = new Caller(() => {
      open--;
    });
    const stream = client.open(caller)!;
    caller.stream = stream;
    stream.head(heads[left], false);
    stream.data(message, 0, message.length, true);
  };
  // As the kernel does: the bytes are copied out, and the output buffer is free again.
  const move = (from: Http2Connection, to: Http2Connection): void => {
    const { bytes, length } = from.out;
    if (length === 0) return;
    if (wire.length < length) wire = Buffer.allocUnsafeSlow(length * 2);
    bytes.copy(wire, 0, 0, length);
    from.out.clear();
    from.flushed();
    to.receive(wire, 0, length, 0);
  };
  const start = process.cpuUsage();
  while (left > 0 || open > 0) {
    while (left > 0 && open < inFlight) call();
    move(client, server);
    move(server, client);
  }
  const { user, system } = process.cpuUsage(start);
  return (user + system) * 1000;
}

function measure(
  name: string,
  count: number,
  inFlight: number,
  messageBytes: number,
  head: () => HeaderBlock,
): void {
  const units = messageBytes < 1024 ? count : (count * messageBytes * 2) / 1024;
  const figures: number[] = [];
  for (let round = 0; round < rounds; round++) figures.push(run(count, inFlight, messageBytes, head) / units);
  figures.sort((a, b) => a - b);
  console.log(
    `${name.padEnd(52)}${figures[rounds >> 1].toFixed(0).padStart(7)}   best ${figures[0].toFixed(0).padStart(6)}`,
  );
}

console.log(`${'ns per call'.padEnd(52)} median`);
measure('25 B, one in flight, heads all alike', 20_000, 1, 25, () => requestBase);
measure('25 B, 100 in flight, heads all alike', 40_000, 100, 25, () => requestBase);
measure('25 B, 100 in flight, a new trace header each', 40_000, 100, 25, traced);
measure('25 B, 1000 in flight, a new trace header each', 40_000, 1000, 25, traced);
console.log('ns per KiB');
measure('64 KiB each way, one in flight', 500, 1, 65_536, () => requestBase);
measure('1 MiB each way, 10 in flight', 60, 10, 1_048_576, () => requestBase);
