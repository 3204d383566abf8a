import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { parseArgs } from 'node:util';
import { literalField } from './wire/block-reader.ts';
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
import { SendWindows } from './wire/send-windows.ts';

/**
 * The replicas of the bench, all in this one process: gRPC servers that echo the request's body and cost as little
 * as JavaScript over a socket can, so that the proxy is what is measured. `node replica.ts PORT...`; 0 takes a free
 * port. With `--cert FILE --key FILE` they speak TLS and take no client without that very certificate. Prints the ports as a JSON array once they listen, and ends when its standard input does.
 *
 * A request with an empty message, or one whose only field is an empty string, is answered with field 1 = 1: to a
 * grpc.health.v1 Check that is SERVING.
 *
 * Header blocks of requests are not decoded: nothing here depends on them. Replies use the peer's dynamic table, as
 * gRPC servers do: two literals on the first reply of a connection, one byte each afterwards.
 */
const statusOk = 0x88; // RFC 7541 appendix A, index 8
const newest = 0x80 | 62; // the latest entry of the dynamic table
const second = 0x80 | 63;
const contentType = ['content-type', 'application/grpc'] as const;
const grpcStatus = ['grpc-status', '0'] as const;
const heads = {
  plain: Buffer.concat([Buffer.from([statusOk]), literalField(...contentType, false)]),
  first: Buffer.concat([Buffer.from([statusOk]), literalField(...contentType, true)]),
  beforeTrailers: Buffer.from([statusOk, newest]),
  repeated: Buffer.from([statusOk, second]),
};
const trailerBlocks = {
  plain: literalField(...grpcStatus, false),
  first: literalField(...grpcStatus, true),
  repeated: Buffer.from([newest]),
};
/** A peer that keeps less gets literals throughout. */
const tableBytesNeeded = 256;

const emptyMessageBytes = 5;
const emptyServiceName = Buffer.from([0, 0, 0, 0, 2, 0x0a, 0]);
const serving = Buffer.from([0, 0, 0, 0, 2, 0x08, 0x01]);
const SETTINGS_INITIAL_WINDOW_SIZE = 4;
/** A stream's window takes the largest body of the bench whole, so that no credit has to travel. */
const streamWindowBytes = 16 << 20;
const connectionWindowBytes = 1 << 30;

function serve(socket: Socket): void {
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  const writer = new FrameWriter(socket);
  const windows = new SendWindows(writer);
  const bodies = new Map<number, Buffer[]>();
  let headKept = false;
  let trailersKept = false;
  let received = 0;
  writer.settings([SETTINGS_INITIAL_WINDOW_SIZE, streamWindowBytes]);
  writer.windowUpdate(0, connectionWindowBytes);

  const nextHead = (): Buffer => {
    if (windows.headerTableBytes < tableBytesNeeded) return heads.plain;
    if (trailersKept) return heads.repeated;
    if (headKept) return heads.beforeTrailers;
    headKept = true;
    return heads.first;
  };
  const nextTrailers = (): Buffer => {
    if (windows.headerTableBytes < tableBytesNeeded) return trailerBlocks.plain;
    if (trailersKept) return trailerBlocks.repeated;
    trailersKept = true;
    return trailerBlocks.first;
  };
  const reply = (streamId: number, bytes: Buffer, start: number, end: number): void => {
    writer.frame(Type.Headers, END_HEADERS, streamId, nextHead());
    windows.send(streamId, bytes, start, end, false, () =>
      writer.frame(Type.Headers, END_HEADERS | END_STREAM, streamId, nextTrailers()),
    );
  };

  const onData = (flags: number, streamId: number, bytes: Buffer, start: number, end: number): void => {
    received += end - start;
    if (received > connectionWindowBytes / 2) {
      writer.windowUpdate(0, received);
      received = 0;
    }
    const [from, to] = unpadded(flags, Type.Data, bytes, start, end);
    const earlier = bodies.get(streamId);
    if ((flags & END_STREAM) === 0) {
      const part = Buffer.from(bytes.subarray(from, to));
      if (earlier === undefined) bodies.set(streamId, [part]);
      else earlier.push(part);
      return;
    }
    if (earlier !== undefined) {
      bodies.delete(streamId);
      const body = Buffer.concat([...earlier, bytes.subarray(from, to)]);
      answer(streamId, body, 0, body.length);
    } else answer(streamId, bytes, from, to);
  };

  const answer = (streamId: number, bytes: Buffer, start: number, end: number): void => {
    if (isHealthCheck(bytes, start, end)) reply(streamId, serving, 0, serving.length);
    else reply(streamId, bytes, start, end);
  };

  socket.on(
    'data',
    frameSplitter((type, flags, streamId, bytes, start, end) => {
      if (type === Type.Data) onData(flags, streamId, bytes, start, end);
      else if (type === Type.WindowUpdate) windows.onWindowUpdate(streamId, bytes.readUInt32BE(start));
      else if (type === Type.Ping && (flags & ACK) === 0) writer.frame(Type.Ping, ACK, 0, bytes, start, end);
      else if (type === Type.Settings && (flags & ACK) === 0) {
        windows.onSettings(bytes, start, end);
        writer.settingsAck();
      } else if (type === Type.RstStream) {
        bodies.delete(streamId);
        windows.forget(streamId);
      }
    }, preface.length),
  );
}

function isHealthCheck(bytes: Buffer, start: number, end: number): boolean {
  if (end - start === emptyMessageBytes) return true;
  return end - start === emptyServiceName.length && emptyServiceName.compare(bytes, start, end) === 0;
}

const { values, positionals } = parseArgs({
  options: { cert: { type: 'string' }, key: { type: 'string' } },
  allowPositionals: true,
});
const cert = values.cert === undefined ? null : readFileSync(values.cert);
const key = values.key === undefined ? null : readFileSync(values.key);

function newServer() {
  if (cert === null || key === null) return createServer(serve);
  return createTlsServer({ cert, key, ca: cert, requestCert: true, ALPNProtocols: ['h2'] }, serve);
}

const ports = await Promise.all(
  positionals.map(
    (port) =>
      new Promise<number>((resolve) => {
        const server = newServer();
        server.listen(Number(port), '127.0.0.1', () => resolve((server.address() as { port: number }).port));
      }),
  ),
);
process.stdout.write(`${JSON.stringify(ports)}\n`);
process.stdin.resume().on('end', () => process.exit(0));
