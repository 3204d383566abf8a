import http2 from 'node:http2';
import { gunzipSync, gzipSync } from 'node:zlib';
import { frameMessage, type Message, splitMessages } from './framing.ts';
import { streamingInputCall, streamingOutputCall, unaryCall, type Wanted, zeros } from './service.ts';

/**
 * `node compressing-server.ts PORT`: the methods that the compressed cases call, with both optional features of the
 * descriptions, CompressedRequest and CompressedResponse. No server of a gRPC library has the first one, so without this
 * server no client_compressed case could pass anywhere. It stands on bare HTTP/2, where the flags can be seen and set.
 */

class InvalidArgument extends Error {}

/** A message as it was before compression; throws where its flag is not as the request claims. */
function open<Request extends { expectCompressed?: Wanted }>(
  { compressed, bytes }: Message,
  deserialize: (bytes: Buffer) => Request,
): Request {
  const request = deserialize(compressed ? gunzipSync(bytes) : bytes);
  const wanted = request.expectCompressed;
  if (wanted && wanted.value !== compressed)
    throw new InvalidArgument(`the message is ${compressed ? '' : 'not '}compressed`);
  return request;
}

function close(reply: Uint8Array, wanted: Wanted | undefined): Buffer {
  return wanted?.value ? frameMessage(gzipSync(reply), true) : frameMessage(reply);
}

/** Replies to a call whose requests have all come. */
const methods: Readonly<Record<string, (requests: readonly Message[]) => Buffer[]>> = {
  [unaryCall.path]: ([message]) => {
    const request = open(message, unaryCall.requestDeserialize);
    const reply = unaryCall.responseSerialize({ payload: zeros(request.responseSize ?? 0) });
    return [close(reply, request.responseCompressed)];
  },
  [streamingInputCall.path]: (messages) => {
    let bytes = 0;
    for (const message of messages)
      bytes += open(message, streamingInputCall.requestDeserialize).payload?.body.length ?? 0;
    return [frameMessage(streamingInputCall.responseSerialize({ aggregatedPayloadSize: bytes }))];
  },
  [streamingOutputCall.path]: ([message]) => {
    const { responseParameters = [] } = streamingOutputCall.requestDeserialize(message.bytes);
    return responseParameters.map(({ size, compressed }) =>
      close(streamingOutputCall.responseSerialize({ payload: zeros(size) }), compressed),
    );
  },
};

const [ok, invalidArgument, unimplemented] = ['0', '3', '12'];

function reply(stream: http2.ServerHttp2Stream, status: string, message: string, replies: Buffer[]): void {
  const head = { ':status': 200, 'content-type': 'application/grpc', 'grpc-encoding': 'gzip' };
  stream.respond({ ...head, 'grpc-accept-encoding': 'identity,gzip' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status, 'grpc-message': message }));
  stream.end(Buffer.concat(replies));
}

function serve(stream: http2.ServerHttp2Stream, path: string): void {
  const messages: Message[] = [];
  let rest: Buffer = Buffer.alloc(0);
  /** Answers at once where a claim is false: gRPC-Java's probe does not half-close before it hears so. */
  const attempt = (run: () => void): void => {
    if (stream.destroyed || stream.headersSent) return;
    try {
      run();
    } catch (error) {
      if (!(error instanceof InvalidArgument)) throw error;
      reply(stream, invalidArgument, error.message, []);
    }
  };
  stream.on('data', (piece: Buffer) => {
    const split = splitMessages(Buffer.concat([rest, piece]));
    rest = split.rest;
    messages.push(...split.messages);
    if (path === streamingInputCall.path)
      attempt(() =>
        split.messages.forEach((message) => void open(message, streamingInputCall.requestDeserialize)),
      );
  });
  stream.on('end', () => {
    const method = methods[path];
    if (method === undefined) reply(stream, unimplemented, 'no such method', []);
    else attempt(() => reply(stream, ok, '', method(messages)));
  });
  stream.on('error', () => {});
}

const server = http2.createServer();
server.on('stream', (stream, headers) => serve(stream, headers[':path'] ?? ''));
server.on('session', (session) => session.on('error', () => {}));
server.listen(Number(process.argv[2]), '127.0.0.1');
