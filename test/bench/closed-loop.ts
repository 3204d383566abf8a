import { connect } from 'node:net';
import { LatencyHistogram } from '../../src/core/histogram.ts';
import type { Churn } from './scenarios.ts';
import { BlockReader, literalField } from './wire/block-reader.ts';
import {
  ACK,
  END_HEADERS,
  END_STREAM,
  FrameWriter,
  frameSplitter,
  preface,
  Type,
  unpadded,
} from './wire/frames.ts';
import { grpcGoHeaders, grpcGoUnique, IndexingEncoder } from './wire/indexing-encoder.ts';
import { SendWindows } from './wire/send-windows.ts';

/**
 * The bench's own generator: like h2load it keeps so many calls in flight on so many connections, and besides it
 * checks of every call that the body came back as it was sent, with `:status` 200 and `grpc-status` 0, and it can give every
 * call a header block that HPACK has not seen (`churn`). `node closed-loop.ts JSON`, see `LoopWork`; prints `LoopResult`
 * as JSON. Exits with 1 at the first wrong reply.
 */
export interface LoopWork {
  readonly port: number;
  readonly connections: number;
  readonly inFlight: number;
  readonly calls: number;
  /** Bytes of each message, without gRPC's five of framing. */
  readonly messageBytes: number;
  readonly churn?: Churn;
}

export interface LoopResult {
  readonly calls: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const authority = '127.0.0.1';
const path = '/bench.Echo/Unary';
const fixedFields = [
  [':authority', authority],
  [':path', path],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
  ['user-agent', 'bench/1'],
] as const;
const methodAndScheme = Buffer.from([0x83, 0x86]); // RFC 7541 appendix A: POST, http
const firstBlock = Buffer.concat([
  methodAndScheme,
  ...fixedFields.map(([name, value]) => literalField(name, value, true)),
]);
/** The five fields are the five latest entries of the dynamic table. */
const repeatedBlock = Buffer.from([
  ...methodAndScheme,
  ...fixedFields.map((_field, i) => 0x80 | (62 + 4 - i)),
]);
const churnBase = Buffer.concat([
  methodAndScheme,
  ...fixedFields.map(([name, value]) => literalField(name, value, false)),
]);
const indexedHeaders = grpcGoHeaders(authority, path);
const SETTINGS_INITIAL_WINDOW_SIZE = 4;
const windowBytes = 1 << 30;

const work = JSON.parse(process.argv[2]) as LoopWork;
const message = Buffer.alloc(5 + work.messageBytes);
message.writeUInt32BE(work.messageBytes, 1);
for (let i = 5; i < message.length; i++) message[i] = (i * 31) & 0xff;

let started = 0;
let finished = 0;
let unique = 0;
const latency = new LatencyHistogram();
let allDone: () => void = () => {};

function wrong(what: string): never {
  process.stderr.write(`closed-loop: ${what}\n`);
  process.exit(1);
}

/** Values that no call had before, to enter the receiver's dynamic table and push out what is in it. */
function literalChurnBlock(): Buffer {
  const id = (++unique).toString(16).padStart(16, '0');
  return Buffer.concat([
    churnBase,
    literalField('x-request-id', `${id}-${id}`, true),
    literalField('authorization', `Bearer ${id}${id}${id}`, true),
    literalField('x-session', id, true),
  ]);
}

/** A call of a client with a deadline of 5 s and a trace that is not sampled. */
function indexedChurnBlock(encoder: IndexingEncoder): Buffer {
  return encoder.encode([...indexedHeaders, ...grpcGoUnique(++unique)]);
}

interface Reply {
  startedMs: number;
  bodyBytes: number;
  status: string;
}

function client(): void {
  const socket = connect(work.port, '127.0.0.1').setNoDelay(true);
  const writer = new FrameWriter(socket);
  const windows = new SendWindows(writer);
  const reader = new BlockReader();
  const encoder = new IndexingEncoder();
  const replies = new Map<number, Reply>();
  let nextId = 1;
  let received = 0;

  const start = (): void => {
    if (started === work.calls) return;
    started++;
    const streamId = nextId;
    nextId += 2;
    replies.set(streamId, { startedMs: performance.now(), bodyBytes: 0, status: '' });
    writer.frame(Type.Headers, END_HEADERS, streamId, nextBlock(streamId));
    windows.send(streamId, message, 0, message.length, true, () => {});
  };

  const nextBlock = (streamId: number): Buffer => {
    if (work.churn === 'literals') return literalChurnBlock();
    if (work.churn === 'indexed') return indexedChurnBlock(encoder);
    return streamId === 1 ? firstBlock : repeatedBlock;
  };

  const onHeaders = (reply: Reply, streamId: number, fields: Map<string, string>, last: boolean): void => {
    reply.status = fields.get(':status') ?? reply.status;
    if (!last) return;
    if (reply.status !== '200') wrong(`:status is ${reply.status}`);
    if (fields.get('grpc-status') !== '0')
      wrong(`grpc-status is ${fields.get('grpc-status')} ${fields.get('grpc-message') ?? ''}`);
    if (reply.bodyBytes !== message.length)
      wrong(`a body has ${reply.bodyBytes} bytes, not ${message.length}`);
    replies.delete(streamId);
    latency.record(performance.now() - reply.startedMs);
    start();
    if (++finished === work.calls) allDone();
  };

  const onData = (reply: Reply, flags: number, bytes: Buffer, from: number, to: number): void => {
    if (bytes.compare(message, reply.bodyBytes, reply.bodyBytes + (to - from), from, to) !== 0)
      wrong('a body is not what was sent');
    reply.bodyBytes += to - from;
    if (flags & END_STREAM) wrong('a reply ended without trailers');
  };

  writer.raw(preface);
  writer.settings([SETTINGS_INITIAL_WINDOW_SIZE, windowBytes]);
  writer.windowUpdate(0, windowBytes);
  socket.on('error', (error) => wrong(error.message));
  socket.on('close', () => finished < work.calls && wrong('the connection was closed'));
  socket.on(
    'data',
    frameSplitter((type, flags, streamId, bytes, from, to) => {
      const reply = replies.get(streamId);
      const [contentFrom, contentTo] = unpadded(flags, type, bytes, from, to);
      if (type === Type.Headers) {
        if ((flags & END_HEADERS) === 0) wrong('a header block in two frames');
        const fields = reader.read(bytes, contentFrom, contentTo);
        if (reply === undefined) wrong(`a reply on stream ${streamId}, which is not open`);
        onHeaders(reply, streamId, fields, (flags & END_STREAM) !== 0);
      } else if (type === Type.Data) {
        received += to - from;
        if (received > windowBytes / 2) {
          writer.windowUpdate(0, received);
          received = 0;
        }
        if (reply === undefined) wrong(`data on stream ${streamId}, which is not open`);
        onData(reply, flags, bytes, contentFrom, contentTo);
      } else if (type === Type.WindowUpdate) windows.onWindowUpdate(streamId, bytes.readUInt32BE(from));
      else if (type === Type.Ping && (flags & ACK) === 0) writer.frame(Type.Ping, ACK, 0, bytes, from, to);
      else if (type === Type.Settings && (flags & ACK) === 0) {
        windows.onSettings(bytes, from, to);
        writer.settingsAck();
      } else if (type === Type.RstStream)
        wrong(`stream ${streamId} was reset with ${bytes.readUInt32BE(from)}`);
      else if (type === Type.GoAway) wrong(`GOAWAY with ${bytes.readUInt32BE(from + 4)}`);
    }, 0),
  );
  for (let i = 0; i < work.inFlight; i++) start();
}

const beganMs = performance.now();
await new Promise<void>((done) => {
  allDone = done;
  for (let i = 0; i < work.connections; i++) client();
});
const result: LoopResult = {
  calls: finished,
  seconds: (performance.now() - beganMs) / 1000,
  p50Ms: latency.quantile(0.5),
  p99Ms: latency.quantile(0.99),
};
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
