import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { connect, type Socket } from 'node:net';
import type { CallResult, CallSettings, GreeterClient } from '../support/greeter-client.ts';
import { connectGreeter } from '../support/greeter-client.ts';
import { type EchoReply, echoService, greeterService } from '../support/protos.ts';
import type { RawClient } from './raw-client.ts';

/** What the load calls with. */
export interface Callers {
  readonly grpc: readonly GreeterClient[];
  readonly raw: readonly RawClient[];
  readonly agent: http.Agent;
  /** `host:port` of the listener for calls, and of the one that passes bytes on. */
  readonly target: string;
  readonly tcpTarget: string;
}

/** '' where all was as it should be, else what was not. `replica` is known where its end says so first. */
export interface Outcome {
  readonly wrong: string;
  readonly replica?: string;
}

export interface Kind {
  readonly name: string;
  /** How often, beside the others. */
  readonly weight: number;
  /** `n` counts all calls; `traceparent` is this call's alone. */
  run(callers: Callers, n: number, traceparent: string): Promise<Outcome>;
}

const small = Buffer.from('a small message');
const quarter = randomBytes(256 << 10);
const whole = randomBytes(1 << 20);
const fine: Outcome = { wrong: '' };
const patienceMs = 20_000;

function settings(traceparent: string, more: CallSettings = {}): CallSettings {
  return { deadlineMs: patienceMs, metadata: [['traceparent', traceparent]], ...more };
}

/** The status, and the replies' bodies. */
function judge(result: CallResult<EchoReply>, code: number, bodies?: readonly Uint8Array[]): Outcome {
  if (result.code !== code) return { wrong: `status ${result.code}, not ${code}: ${result.details}` };
  if (bodies === undefined) return fine;
  const same =
    result.replies.length === bodies.length &&
    result.replies.every(({ payload }, index) => payload.equals(bodies[index]));
  return same ? fine : { wrong: `${result.replies.length} replies, or one that is not what was sent` };
}

const grpcOf = (callers: Callers, n: number): GreeterClient => callers.grpc[n % callers.grpc.length];

function unary(name: string, weight: number, payload: Buffer): Kind {
  return {
    name,
    weight,
    run: async (callers, n, trace) =>
      judge(await grpcOf(callers, n).unary({ payload }, settings(trace)), 0, [payload]),
  };
}

const encodeEcho = echoService.Unary.requestSerialize as (value: unknown) => Buffer;
const encodeHello = greeterService.SayHello.requestSerialize as (value: unknown) => Buffer;

/** Everything that the soak does, all at once and at random. */
export const kinds: readonly Kind[] = [
  unary('unary', 36, small),
  unary('unary 256 KiB', 3, quarter),
  unary('unary 1 MiB', 1, whole),
  {
    name: 'raw unary',
    weight: 15,
    async run({ raw }, n, trace) {
      const message = encodeHello({ name: `call ${n}` });
      const { code, details } = await raw[n % raw.length].unary(greeterService.SayHello.path, message, trace);
      return code === 0 ? fine : { wrong: `status ${code}: ${details}` };
    },
  },
  {
    name: 'raw unary 256 KiB',
    weight: 2,
    async run({ raw }, n, trace) {
      const message = encodeEcho({ payload: quarter });
      const reply = await raw[n % raw.length].unary(echoService.Unary.path, message, trace);
      if (reply.code !== 0) return { wrong: `status ${reply.code}: ${reply.details}` };
      return reply.replyBytes > quarter.length ? fine : { wrong: `a reply of ${reply.replyBytes} bytes` };
    },
  },
  {
    name: 'server streaming',
    weight: 8,
    async run(callers, n, trace) {
      const request = { payload: small, options: { replies: 5, pauseMs: 20 } };
      return judge(
        await grpcOf(callers, n).serverStream(request, settings(trace)),
        0,
        Array.from({ length: 5 }, () => small),
      );
    },
  },
  {
    name: 'server streaming, 3 s',
    weight: 1,
    async run(callers, n, trace) {
      const request = { payload: small, options: { replies: 30, pauseMs: 100 } };
      return judge(
        await grpcOf(callers, n).serverStream(request, settings(trace)),
        0,
        Array.from({ length: 30 }, () => small),
      );
    },
  },
  {
    name: 'client streaming',
    weight: 6,
    run: async (callers, n, trace) =>
      judge(
        await grpcOf(callers, n).clientStream([{ payload: small }, { payload: small }], settings(trace)),
        0,
      ),
  },
  {
    name: 'bidi streaming',
    weight: 8,
    async run(callers, n, trace) {
      const requests = Array.from({ length: 4 }, () => ({ payload: small }));
      return judge(
        await grpcOf(callers, n).bidi(requests, settings(trace)),
        0,
        requests.map(({ payload }) => payload),
      );
    },
  },
  {
    name: 'cancelled stream',
    weight: 4,
    async run(callers, n, trace) {
      const cancel = new AbortController();
      const { call, result } = grpcOf(callers, n).openServerStream(
        { payload: small, options: { replies: 50, pauseMs: 20 } },
        settings(trace, { signal: cancel.signal }),
      );
      call.once('data', () => cancel.abort());
      call.resume();
      return judge(await result, 1);
    },
  },
  {
    name: 'deadline that passes',
    weight: 3,
    run: async (callers, n, trace) =>
      judge(
        await grpcOf(callers, n).unary(
          { payload: small, options: { sleepMs: 2000 } },
          settings(trace, { deadlineMs: 300 }),
        ),
        4,
      ),
  },
  {
    name: 'status NOT_FOUND',
    weight: 2,
    run: async (callers, n, trace) =>
      judge(await grpcOf(callers, n).unary({ options: { failStatus: 5 } }, settings(trace)), 5),
  },
  {
    name: 'unary on a new connection',
    weight: 1,
    async run({ target }, _n, trace) {
      const client = connectGreeter(target);
      try {
        return judge(await client.unary({ payload: small }, settings(trace)), 0, [small]);
      } finally {
        client.close();
      }
    },
  },
  { name: 'HTTP/1.1 GET', weight: 6, run: (callers, _n, trace) => http1(callers, 'GET', null, trace) },
  { name: 'HTTP/1.1 POST', weight: 2, run: (callers, _n, trace) => http1(callers, 'POST', small, trace) },
  {
    name: 'HTTP/1.1 POST 256 KiB',
    weight: 1,
    run: (callers, _n, trace) => http1(callers, 'POST', quarter, trace),
  },
  { name: 'WebSocket', weight: 2, run: ({ target }, _n, trace) => webSocket(target, trace) },
  { name: 'TCP', weight: 2, run: ({ tcpTarget }) => tcp(tcpTarget) },
];

function http1(
  { agent, target }: Callers,
  method: string,
  body: Buffer | null,
  traceparent: string,
): Promise<Outcome> {
  const [host, port] = target.split(':');
  return new Promise((resolve) => {
    const request = http.request(
      { host, port, agent, method, path: '/http/echo', headers: { traceparent }, timeout: patienceMs },
      (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', (error) => resolve({ wrong: error.message }));
        response.on('end', () => {
          const got = Buffer.concat(pieces);
          if (response.statusCode !== 200) resolve({ wrong: `HTTP ${response.statusCode}: ${got}` });
          else if (body !== null && !got.equals(body)) resolve({ wrong: `a body of ${got.length} bytes` });
          else resolve(fine);
        });
      },
    );
    request.on('timeout', () => request.destroy(new Error('no reply in time')));
    request.on('error', (error) => resolve({ wrong: error.message }));
    request.end(body ?? undefined);
  });
}

async function webSocket(target: string, traceparent: string): Promise<Outcome> {
  const [host, port] = target.split(':');
  const request = http.request({
    host,
    port,
    path: '/http/socket',
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      traceparent,
    },
  });
  request.end();
  try {
    const [response, socket, first] = (await Promise.race([
      once(request, 'upgrade'),
      once(request, 'response').then(([refused]: http.IncomingMessage[]) => {
        refused.resume();
        throw new Error(`HTTP ${refused.statusCode} instead of an upgrade`);
      }),
    ])) as [http.IncomingMessage, Socket, Buffer];
    if (response.statusCode !== 101) return { wrong: `HTTP ${response.statusCode}` };
    return await echoed(socket, first.toString('latin1'));
  } catch (error) {
    return { wrong: (error as Error).message };
  }
}

function tcp(target: string): Promise<Outcome> {
  const [host, port] = target.split(':');
  return echoed(connect({ host, port: Number(port) }));
}

/** Reads who is there, has three messages sent back to it over a while, and ends. */
function echoed(socket: Socket, first = ''): Promise<Outcome> {
  const messages = 3;
  let heard = '';
  const all = () => heard.split('\n').length - 1;
  return new Promise((resolve) => {
    const over = (why: string): void => {
      const [replica] = heard.includes('\n') ? heard.split('\n') : [''];
      const whole = all() === messages + 1 && heard.endsWith('message 3\n');
      resolve({ wrong: whole ? '' : why || `it ended after ${heard.length} bytes`, replica });
    };
    socket.setTimeout(patienceMs, () => socket.destroy(new Error('nothing came in time')));
    socket.on('error', (error) => over(error.message));
    socket.on('close', () => over(''));
    const hear = (text: string): void => {
      heard += text;
      if (!heard.endsWith('\n')) return;
      if (all() > messages) socket.end();
      else setTimeout(() => socket.write(`message ${all()}\n`), 50);
    };
    socket.on('data', (chunk: Buffer) => hear(chunk.toString('latin1')));
    if (first !== '') hear(first);
  });
}
