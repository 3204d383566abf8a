import http2, { type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import { type Address, formatAddress } from '../core/address.ts';
import { ErrorCode } from '../core/error-code.ts';
import { GrpcFrameReader, grpcFrame } from '../core/grpc-frames.ts';
import { forbiddenCipher } from '../core/tls-cipher.ts';
import type { HealthOutcome, HealthReply } from './grpc-reply.ts';
import { encodeRequest, healthMessageBytesMax } from './health-messages.ts';
import { connectProbe, type ProbeTls } from './probe-socket.ts';

export interface HealthRequest {
  readonly method: 'Check' | 'Watch';
  /** Full name of a service; '' for the server as a whole. */
  readonly service: string;
  /** The deadline that the server gets, milliseconds; null for no limit. */
  readonly timeoutMs: number | null;
  /** Hears each message of the reply. */
  onMessage(bytes: Buffer): void;
  /** Once, and nothing is heard after it. Not called after `cancel` or `close`. */
  onEnd(outcome: HealthOutcome): void;
}

export interface HealthCall {
  /** What has come of the reply so far. */
  readonly reply: HealthReply;
  cancel(): void;
}

export interface HealthClientSettings {
  /** `:authority` of the request; the name that TLS verifies or the address if not given. */
  readonly authority?: string;
  /** Further metadata by its names in lower case; values of `-bin` names in base64, as on the wire. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly tls?: ProbeTls;
}

/**
 * A client of `grpc.health.v1` on one HTTP/2 connection of its own. By hand on `node:http2` and not by a gRPC library: such a
 * library reports a refused connection, an answer of UNAVAILABLE, an HTML page and a reset stream with the same few codes,
 * and which of them it was decides whether the endpoint gets calls.
 */
export class HealthClient {
  /** The server's SETTINGS have come: it speaks HTTP/2. */
  established = false;
  private readonly session: ClientHttp2Session;
  private socket: Socket | null = null;
  private readonly headers: http2.OutgoingHttpHeaders;
  private error: Error | null = null;
  private goawayCode: ErrorCode | null = null;
  private readonly tls: 'none' | 'anonymous' | 'certificate';

  constructor(address: Address, settings: HealthClientSettings) {
    const { metadata = {}, tls } = settings;
    this.tls = tls === undefined ? 'none' : hasCertificate(tls) ? 'certificate' : 'anonymous';
    const name = address.kind === 'unix' ? 'localhost' : formatAddress(address);
    this.headers = {
      ':method': 'POST',
      ':scheme': tls === undefined ? 'http' : 'https',
      ':authority': settings.authority || tls?.servername || name,
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'outrigger-health',
      'grpc-accept-encoding': 'identity',
      ...metadata,
      // Credentials as a rule: no compression context keeps them (RFC 7541 section 7.1.3).
      [http2.sensitiveHeaders]: Object.keys(metadata),
    } as http2.OutgoingHttpHeaders;
    // The URL is only what Node makes default headers of.
    this.session = http2.connect('http://probe.invalid', {
      createConnection: () => {
        const socket = connectProbe(address, tls, 'h2');
        this.socket = socket;
        // Streams end before the session reports what became of its socket.
        socket.on('error', (error) => this.failed(error));
        return socket;
      },
      settings: { enablePush: false },
    });
    // Not when the socket says so: a socket that is gone before the session has taken it aborts the process (Node 24).
    this.session.once('connect', (session, socket) => {
      const cipher = forbiddenCipher(socket);
      if (cipher === '') return;
      this.failed(new Error(`it chose the TLS cipher ${cipher}, which HTTP/2 does not allow`));
      session.destroy();
    });
    this.session.on('remoteSettings', () => {
      this.established = true;
    });
    this.session.on('goaway', (code) => {
      this.goawayCode = code;
    });
    this.session.on('error', (error) => this.failed(error));
  }

  /** False once the connection takes no further request. */
  get usable(): boolean {
    return !this.session.closed && !this.session.destroyed && this.goawayCode === null;
  }

  call(request: HealthRequest): HealthCall {
    const reply: HealthReply = {
      httpStatus: 0,
      contentType: '',
      encoding: '',
      grpcStatus: null,
      grpcMessage: '',
      messages: 0,
      malformed: '',
    };
    if (!this.usable) {
      let cancelled = false;
      process.nextTick(() => {
        if (!cancelled) request.onEnd(this.outcomeOf(reply, 0));
      });
      return {
        reply,
        cancel: () => {
          cancelled = true;
        },
      };
    }
    const stream = this.session.request(
      {
        ...this.headers,
        ':path': `/grpc.health.v1.Health/${request.method}`,
        ...(request.timeoutMs === null ? {} : { 'grpc-timeout': `${Math.max(1, request.timeoutMs)}m` }),
      },
      { endStream: false },
    );
    return this.receive(stream, reply, request);
  }

  /** Closes the connection and whatever is in flight on it. */
  close(): void {
    this.session.destroy();
    // A session that was destroyed before leaves its socket to the peer, who need not close it.
    this.socket?.destroy();
  }

  private receive(stream: ClientHttp2Stream, reply: HealthReply, request: HealthRequest): HealthCall {
    let over = false;
    const end = (): void => {
      if (over) return;
      over = true;
      request.onEnd(this.outcomeOf(reply, stream.rstCode ?? 0));
    };
    const reader = new GrpcFrameReader(healthMessageBytesMax, 'HealthCheckResponse');
    stream.on('response', (headers) => {
      reply.httpStatus = headers[':status'] ?? 0;
      reply.contentType = headers['content-type'] ?? '';
      reply.encoding = textOf(headers['grpc-encoding']);
      readStatus(reply, headers);
      // A web page need not end: what it is, is known by now.
      if (reply.grpcStatus === null && !isGrpc(reply)) finish();
    });
    stream.on('trailers', (headers) => readStatus(reply, headers));
    stream.on('data', (chunk: Buffer) => {
      if (over) return;
      const wrong = reader.push(chunk, reply.encoding, (message) => {
        reply.messages += 1;
        // Without an end to them, one probe would read for as long as it may take.
        if (reply.messages > 1 && request.method === 'Check') reply.malformed = 'more than one message';
        else request.onMessage(message);
      });
      reply.malformed ||= wrong;
      if (reply.malformed !== '') finish();
    });
    // `close` follows and is what counts.
    stream.on('error', (error) => this.failed(error));
    stream.on('close', end);
    const cancel = (): void => {
      over = true;
      stream.close(ErrorCode.CANCEL);
    };
    const finish = (): void => {
      end();
      stream.close(ErrorCode.CANCEL);
    };
    stream.end(grpcFrame(encodeRequest(request)));
    return { reply, cancel };
  }

  /** Keeps the first error of the connection; one of a stream alone is its reset code. */
  private failed(error: NodeJS.ErrnoException): void {
    if (error.code !== 'ERR_HTTP2_STREAM_ERROR') this.error ??= error;
  }

  private outcomeOf(reply: HealthReply, resetCode: ErrorCode): HealthOutcome {
    const { established, error, goawayCode } = this;
    const answered = reply.grpcStatus !== null || (reply.httpStatus !== 0 && !isGrpc(reply));
    if (answered || reply.malformed !== '') return { kind: 'reply', reply };
    if (goawayCode !== null) return { kind: 'goaway', code: goawayCode };
    if (error !== null || !this.usable) return { kind: 'closed', established, error, tls: this.tls };
    if (resetCode !== ErrorCode.NO_ERROR || reply.httpStatus === 0) return { kind: 'reset', code: resetCode };
    return { kind: 'reply', reply };
  }
}

/** Whether there is a client certificate for a server that requests one. */
function hasCertificate({ cert, pfx }: NonNullable<ProbeTls>): boolean {
  return cert !== undefined || pfx !== undefined;
}

/** `application/grpc`, perhaps with a suffix or parameters. */
export function isGrpc({ httpStatus, contentType }: HealthReply): boolean {
  return httpStatus === 200 && /^application\/grpc(?:$|[+;])/i.test(contentType);
}

function readStatus(reply: HealthReply, headers: IncomingHttpHeaders): void {
  const status = headers['grpc-status'];
  if (status === undefined) return;
  reply.grpcStatus = textOf(status);
  reply.grpcMessage = textOf(headers['grpc-message']);
}

function textOf(value: string | readonly string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.[0] ?? '');
}
