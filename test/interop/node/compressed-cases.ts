import { gunzipSync } from 'node:zlib';
import * as grpc from '@grpc/grpc-js';
import { connectRaw, grpcHead, grpcMessage } from '../../support/raw-http2.ts';
import { clientStream, connect, expectBodies, expectStatus, unary } from './calls.ts';
import { type Message, splitMessages } from './framing.ts';
import {
  largeRequest,
  type Method,
  type SimpleResponse,
  streamingInputCall,
  streamingOutputCall,
  unaryCall,
  zeros,
} from './service.ts';

/**
 * The cases about the compressed flag of a message. grpc-js compresses requests as its channel says; it shows nobody
 * whether a reply came compressed, so for replies a bare HTTP/2 client looks.
 */

const noCompress = 2; // grpc-js keeps WriteFlags to itself

const gzipChannel = { 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip };
const [compressed, plain] = [{ value: true }, { value: false }];

async function withClient<T>(
  target: string,
  options: grpc.ClientOptions,
  use: (client: grpc.Client) => Promise<T>,
) {
  const client = connect(target, options);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

export async function clientCompressedUnary(target: string): Promise<void> {
  const call = (options: grpc.ClientOptions, expectCompressed: { value: boolean }) =>
    withClient(target, options, (client) => unary(client, unaryCall, { ...largeRequest, expectCompressed }));
  const probe = await call({}, compressed);
  if (probe.code === grpc.status.OK) throw new Error('the server does not look at the flag');
  expectStatus(probe, grpc.status.INVALID_ARGUMENT);
  expectBodies(await call(gzipChannel, compressed), [314_159]);
  expectBodies(await call({}, plain), [314_159]);
}

type MessageContext = Parameters<grpc.InterceptingCall['sendMessageWithContext']>[0];

/** Leaves every message after the first uncompressed. */
class OnlyFirst extends grpc.InterceptingCall {
  private sent = 0;
  override sendMessageWithContext(context: MessageContext, message: unknown): void {
    const flags = this.sent++ === 0 ? 0 : noCompress;
    super.sendMessageWithContext({ ...context, flags }, message);
  }
}

export async function clientCompressedStreaming(target: string): Promise<void> {
  const first = { payload: zeros(27_182), expectCompressed: compressed };
  const second = { payload: zeros(45_904), expectCompressed: plain };
  const probe = await withClient(target, {}, (client) => clientStream(client, streamingInputCall, [first]));
  if (probe.code === grpc.status.OK) throw new Error('the server does not look at the flag');
  expectStatus(probe, grpc.status.INVALID_ARGUMENT);
  const interceptors: grpc.Interceptor[] = [(options, next) => new OnlyFirst(next(options))];
  const result = await withClient(target, gzipChannel, (client) =>
    clientStream(client, streamingInputCall, [first, second], { interceptors }),
  );
  expectStatus(result, grpc.status.OK);
  const sum = result.replies[0]?.aggregatedPayloadSize;
  if (sum !== 73_086) throw new Error(`the server counted ${sum} bytes`);
}

export async function serverCompressedUnary(target: string): Promise<void> {
  for (const responseCompressed of [compressed, plain]) {
    const replies = await rawCall(target, unaryCall, { ...largeRequest, responseCompressed });
    expectReplies(replies, [[314_159, responseCompressed.value]]);
  }
}

export async function serverCompressedStreaming(target: string): Promise<void> {
  const replies = await rawCall(target, streamingOutputCall, {
    responseParameters: [
      { size: 31_415, compressed },
      { size: 92_653, compressed: plain },
    ],
  });
  expectReplies(replies, [
    [31_415, true],
    [92_653, false],
  ]);
}

/** The messages of the reply with their flags. */
async function rawCall<Request, Reply>(
  target: string,
  method: Method<Request, Reply>,
  request: Request,
): Promise<Message[]> {
  const client = connectRaw(target);
  try {
    const head = grpcHead(method.path, { 'grpc-accept-encoding': 'identity,gzip' });
    const { headers, trailers, body } = await client.request(
      head,
      grpcMessage(method.requestSerialize(request)),
    );
    const status = trailers['grpc-status'] ?? headers['grpc-status'];
    if (status !== '0') throw new Error(`the status is ${status}`);
    const { messages, rest } = splitMessages(body);
    if (rest.length > 0) throw new Error(`the body ends within a message`);
    if (messages.some((message) => message.compressed) && headers['grpc-encoding'] !== 'gzip')
      throw new Error(`the encoding is ${headers['grpc-encoding']}`);
    return messages;
  } finally {
    client.close();
  }
}

function expectReplies(
  messages: readonly Message[],
  expected: ReadonlyArray<readonly [size: number, compressed: boolean]>,
): void {
  if (messages.length !== expected.length) throw new Error(`there are ${messages.length} replies`);
  for (const [i, [size, isCompressed]] of expected.entries()) {
    const { compressed: flag, bytes } = messages[i];
    if (flag !== isCompressed) throw new Error(`reply ${i} is ${flag ? '' : 'not '}compressed`);
    const reply: SimpleResponse = unaryCall.responseDeserialize(flag ? gunzipSync(bytes) : bytes);
    if (reply.payload?.body.length !== size)
      throw new Error(`the body of reply ${i} has ${reply.payload?.body.length} bytes, not ${size}`);
  }
}
