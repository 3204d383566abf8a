import { ErrorCode } from '../../src/core/error-code.ts';
import { GrpcStatus } from '../../src/core/grpc-status.ts';
import type { Draw } from './draw.ts';

/** How a replica ends a call. */
export type Ending =
  | 'whole'
  /** All of it, then RST_STREAM(NO_ERROR): the rest of the request is unwanted. */
  | 'whole then reset'
  /** RST_STREAM `resetCode` after part of the reply. */
  | 'cut'
  /** Before a word of the reply: what the client gets is Outrigger's own. */
  | 'reset'
  /** REFUSED_STREAM, without having looked at it. */
  | 'refuse'
  | 'never';

/** One call, all of it: what the client sends, what it does meanwhile, what a replica answers. */
export interface CallSpec {
  readonly id: number;
  readonly grpc: boolean;
  readonly request: Body;
  /** The request ends with an empty DATA frame, with its last bytes, or with trailers. */
  readonly requestEnd: 'empty' | 'with data' | 'trailers';
  /** Bytes of a header of the request and of a trailer of the reply: many need CONTINUATION. */
  readonly metadataBytes: number;
  /** `grpc-timeout`, milliseconds. */
  readonly timeoutMs: number | null;
  readonly cancelAfterMs: number | null;
  /** The client gives no credit for so long after each piece. */
  readonly readPauseMs: number;
  readonly reply: Reply;
}

/** Bytes in messages; each is sent so long after the one before. */
export interface Body {
  readonly bytes: Buffer;
  /** Where each message ends. */
  readonly ends: readonly number[];
  readonly pauseMs: number;
}

export interface Reply {
  /** Begins before the end of the request. */
  readonly early: boolean;
  readonly thinkMs: number;
  readonly body: Body;
  /** Status in the head alone, no body and no trailers. */
  readonly trailersOnly: boolean;
  readonly status: number;
  readonly ending: Ending;
  /** Replicas that refuse it, in order of asking, before one takes it. */
  readonly refusals: number;
  readonly resetCode: number;
  readonly readPauseMs: number;
}

/** All bodies are cut from here: bytes that do not repeat within any window or frame of a run. */
const pattern = Buffer.alloc(1 << 21);
for (let i = 0, state = 1; i < pattern.length; i += 4) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  pattern.writeUInt32LE(state, i);
}

const statuses = [GrpcStatus.OK, GrpcStatus.NOT_FOUND, GrpcStatus.UNAVAILABLE, GrpcStatus.UNKNOWN];
const resetCodes: readonly number[] = Object.values(ErrorCode).filter(
  (code) => code !== ErrorCode.REFUSED_STREAM,
);

/** `calm`: nothing goes wrong by the doing of either end. */
export function drawCall(draw: Draw, id: number, calm: boolean): CallSpec {
  const shape = draw.of(['unary', 'unary', 'unary', 'client', 'server', 'bidi'] as const);
  const grpc = !draw.percent(10);
  const request = drawBody(
    draw,
    grpc,
    shape === 'client' || shape === 'bidi',
    shape !== 'unary' || !draw.percent(10),
  );
  const body = drawBody(draw, grpc, shape === 'server' || shape === 'bidi', true);
  const status = draw.percent(80) ? GrpcStatus.OK : draw.of(statuses);
  const trailersOnly = grpc && draw.percent(10);
  const willing = calm || draw.percent(70);
  const ending = willing ? (draw.percent(10) ? 'whole then reset' : 'whole') : drawEnding(draw);
  const timeoutMs = grpc && !calm && draw.percent(20) ? drawTimeoutMs(draw) : null;
  // What never ends by itself is ended by the client.
  const cancels = ending === 'never' ? timeoutMs === null || timeoutMs > 5000 : !willing && draw.percent(30);
  return {
    id,
    grpc,
    request,
    requestEnd: draw.of([
      'empty',
      'with data',
      'with data',
      'with data',
      grpc ? 'with data' : 'trailers',
    ] as const),
    metadataBytes: draw.percent(5) ? draw.size(100, 50_000) : 0,
    timeoutMs,
    cancelAfterMs: cancels ? draw.size(1, 2000) : null,
    readPauseMs: draw.percent(10) ? draw.size(1, 200) : 0,
    reply: {
      early: shape === 'bidi' || draw.percent(10),
      thinkMs: draw.percent(50) ? 0 : draw.size(1, 300),
      // Many servers say a failure in trailers behind a head, without any message.
      body: trailersOnly || (grpc && status !== GrpcStatus.OK && draw.percent(50)) ? emptyBody : body,
      trailersOnly,
      status,
      ending,
      refusals: calm || !draw.percent(8) ? 0 : draw.int(1, 2),
      resetCode: draw.of(resetCodes),
      readPauseMs: draw.percent(10) ? draw.size(1, 100) : 0,
    },
  };
}

/** Some run out, and some would long after the run: whoever forgets to cancel such a timer is found out. */
function drawTimeoutMs(draw: Draw): number {
  return draw.percent(50) ? draw.size(5, 5000) : 3_600_000;
}

function drawEnding(draw: Draw): Ending {
  return draw.of(['whole', 'cut', 'cut', 'reset', 'reset', 'refuse', 'never'] as const);
}

const emptyBody: Body = { bytes: Buffer.alloc(0), ends: [], pauseMs: 0 };

function drawBody(draw: Draw, grpc: boolean, stream: boolean, some: boolean): Body {
  if (!some) return emptyBody;
  const count = stream ? draw.size(1, 30) : 1;
  const bytesMax = draw.percent(3) ? 800_000 : draw.percent(20) ? 60_000 : 1500;
  const ends: number[] = [];
  const sizes = Array.from({ length: count }, () =>
    draw.percent(10) ? 0 : draw.size(1, Math.max(2, bytesMax / count)),
  );
  let length = 0;
  for (const size of sizes) {
    length += size + (grpc ? 5 : 0);
    ends.push(length);
  }
  const from = draw.int(0, pattern.length - length);
  const bytes = Buffer.from(pattern.subarray(from, from + length));
  if (grpc) {
    for (const [i, end] of ends.entries()) {
      bytes[end - sizes[i] - 5] = 0;
      bytes.writeUInt32BE(sizes[i], end - sizes[i] - 4);
    }
  }
  return { bytes, ends, pauseMs: stream && draw.percent(30) ? draw.size(1, 100) : 0 };
}

/** Are these the bytes of a body from `at` on? */
export function bodyHolds(body: Body, at: number, bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (at + length > body.bytes.length) return false;
  return body.bytes.compare(bytes, start, end, at, at + length) === 0;
}

/** A value of so many bytes, which no table remembers for another call. */
export function metadataOf(spec: CallSpec): string {
  return `${spec.id}-`.repeat(spec.metadataBytes).slice(0, spec.metadataBytes);
}
