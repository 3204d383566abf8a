import { type ClientHttp2Session, connect } from 'node:http2';
import type { Socket } from 'node:net';
import { spanText } from '../../admin/quantities.ts';
import type { ClusterConfig } from '../../config/table.ts';
import type { Address } from '../../core/address.ts';
import { connectionErrorText } from '../../core/connection-error.ts';
import { ErrorCode, errorCodeName } from '../../core/error-code.ts';
import { clusterTls } from '../../runtime/build-cluster.ts';
import { endpointTls } from '../../security/endpoint-tls.ts';
import type { EndpointTarget } from './endpoint-target.ts';
import type { Findings } from './finding.ts';
import { type CheckDeps, late, within } from './limits.ts';
import { type Opened, openSocket, openTls } from './open-socket.ts';

/** What a server says when it sets no limit (RFC 9113 section 6.5.2). */
const unlimitedStreams = 0xffff_ffff;
/** With fewer streams for each connection, every few calls require a connection of their own. */
const fewStreams = 10;
/** gRPC servers close a connection at the third PING that comes too early. */
const pings = 5;
/** By default, gRPC servers allow one PING in this time (gRFC A8). */
const pingIntervalDefaultMs = 300_000;
/** Two clocks that differ by more make traces unreadable and certificates invalid. */
const skewMsMax = 5_000;

/**
 * Checks that an endpoint speaks HTTP/2, how many concurrent streams it allows, and, if the cluster sends keepalive PINGs,
 * whether the server accepts them. Returns whether a call would get through.
 */
export async function checkHttp2(target: EndpointTarget, deps: CheckDeps, found: Findings): Promise<boolean> {
  const opened = await open(target, deps);
  if (opened.socket === undefined) {
    found.failed('http2', opened.error, 'check the log of the server');
    return false;
  }
  const connection = new Http2Check(opened.socket);
  const problem = await connection.settings(deps);
  if (problem !== '') {
    connection.close();
    await reportNoHttp2(target, problem, deps, found);
    return false;
  }
  found.ok('http2', 'the server speaks HTTP/2');
  checkStreamLimit(target.cluster, connection.maxStreams, found);
  const dateMs = await connection.dateMs(deps);
  if (dateMs !== undefined) checkClock(dateMs, deps, found);
  const { keepalive } = target.cluster.connections;
  if (keepalive !== undefined) await checkKeepalive(keepalive.intervalMs, connection, deps, found);
  connection.close();
  return true;
}

async function open(
  { cluster, address, hostname }: EndpointTarget,
  deps: CheckDeps,
): Promise<Opened<Socket>> {
  const tls = clusterTls(cluster);
  return tls === null
    ? openSocket(address, deps)
    : openTls(address, endpointTls(tls, address, hostname), 'h2', deps);
}

async function reportNoHttp2(
  { cluster, address }: EndpointTarget,
  problem: string,
  deps: CheckDeps,
  found: Findings,
): Promise<void> {
  // A server that is silent to an HTTP/2 preface is silent to a handshake as well.
  const isSilent = problem.startsWith('no HTTP/2 SETTINGS');
  if (cluster.tls === undefined && !isSilent && (await usesTls(address, deps)))
    return found.failed(
      'http2',
      'the server uses TLS, and the cluster does not',
      'write tls in the cluster: tls: {} for a certificate of a public authority, or tls: { ca: ca.pem }',
    );
  const [what, ...fix] = problem.split('; ');
  found.failed('http2', what, fix.join('; ') || 'check the log of the server');
}

async function usesTls(address: Address, deps: CheckDeps): Promise<boolean> {
  const secured = await openTls(address, {}, 'h2', deps);
  secured.socket?.destroy();
  return secured.socket !== undefined;
}

function checkStreamLimit({ limits }: ClusterConfig, maxStreams: number, found: Findings): void {
  const { perEndpoint, maxConnections, maxRequests } = limits;
  if (maxStreams === unlimitedStreams)
    return found.ok('stream-limit', 'the server sets no limit for concurrent streams');
  const connections = perEndpoint.maxConnections ?? maxConnections;
  const streams = maxStreams * connections;
  const needed = Math.min(maxRequests, perEndpoint.maxRequests ?? Number.POSITIVE_INFINITY);
  const text = `the server allows ${maxStreams} concurrent streams for each connection`;
  if (maxStreams === 0)
    found.failed('stream-limit', `${text}, so it accepts no calls`, 'check the log of the server');
  else if (maxStreams < fewStreams)
    found.warning(
      'stream-limit',
      text,
      'raise the limit in the server (max concurrent streams), or calls wait for more connections',
    );
  else if (perEndpoint.maxConnections !== undefined && streams < needed)
    found.warning(
      'stream-limit',
      `${text}; with limits.perEndpoint.maxConnections ${connections}, more than ${streams} calls wait`,
      'raise limits.perEndpoint.maxConnections, or the limit in the server',
    );
  else found.ok('stream-limit', `${text}; Outrigger opens more connections when they are in use`);
}

function checkClock(serverMs: number, { clock }: CheckDeps, found: Findings): void {
  const skewMs = serverMs - clock.wallMs();
  // A date has no milliseconds.
  if (Math.abs(skewMs) <= skewMsMax)
    return found.ok('clock', 'the clocks of the server and of this machine agree');
  found.warning(
    'clock',
    `the clock of the server is ${spanText(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead of' : 'behind'} this machine`,
    'synchronize the clocks of both machines (NTP): certificates and the times of traces depend on them',
  );
}

async function checkKeepalive(
  intervalMs: number,
  connection: Http2Check,
  deps: CheckDeps,
  found: Findings,
): Promise<void> {
  const sent = await connection.pingUntilClosed(pings, deps);
  if (sent === pings)
    return found.ok(
      'keepalive',
      `the server accepts frequent PINGs; connections.keepalive sends one every ${spanText(intervalMs)}`,
    );
  const code = connection.goawayCode;
  if (sent === 0 && code !== ErrorCode.ENHANCE_YOUR_CALM)
    return found.warning(
      'keepalive',
      `not checked: the server ${code === null ? 'answered no PING' : `sent GOAWAY with ${errorCodeName(code)} before it answered a PING`}`,
      'check the log of the server',
    );
  const why = code === null ? 'closed the connection' : `sent GOAWAY with ${errorCodeName(code)}`;
  const text = `the server ${why} after ${sent + 1} PINGs, so it limits how often a client may send PINGs`;
  if (code !== ErrorCode.ENHANCE_YOUR_CALM && code !== null)
    return found.warning('keepalive', text, 'check the log of the server');
  if (intervalMs >= pingIntervalDefaultMs)
    return found.ok(
      'keepalive',
      `${text}; connections.keepalive sends one every ${spanText(intervalMs)}, which gRPC servers allow by default`,
    );
  found.warning(
    'keepalive',
    `${text}; connections.keepalive sends one every ${spanText(intervalMs)}`,
    'raise connections.keepalive.interval to 5m, the default of gRPC servers, or let the server permit it (Go: EnforcementPolicy.MinTime, Java: permitKeepAliveTime, C++: GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS)',
  );
}

/** One HTTP/2 connection to an endpoint. */
class Http2Check {
  maxStreams = unlimitedStreams;
  goawayCode: ErrorCode | null = null;
  private readonly session: ClientHttp2Session;
  private readonly socket: Socket;
  private readonly ready: Promise<string>;
  private closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    this.session = connect('http://check.invalid', {
      createConnection: () => socket,
      settings: { enablePush: false },
    });
    const { session } = this;
    session.on('goaway', (code) => {
      this.goawayCode = code;
    });
    this.ready = new Promise((resolve) => {
      session.on('remoteSettings', ({ maxConcurrentStreams }) => {
        this.maxStreams = maxConcurrentStreams ?? unlimitedStreams;
        resolve('');
      });
      session.on('error', (error) => resolve(problemOf(error)));
      session.on('close', () => {
        this.closed = true;
        resolve('the server closed the connection before HTTP/2 began');
      });
    });
  }

  /** Waits for the SETTINGS of the server. Returns the problem, '' for none. */
  async settings(deps: CheckDeps): Promise<string> {
    const problem = await within(this.ready, deps);
    return problem === late ? `no HTTP/2 SETTINGS within ${deps.timeoutMs} ms` : problem;
  }

  /** The `date` of an answer; undefined where the server sends none, as most gRPC servers do. */
  async dateMs(deps: CheckDeps): Promise<number | undefined> {
    if (this.closed || this.maxStreams === 0) return undefined;
    const stream = this.session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const date = new Promise<number | undefined>((resolve) => {
      stream.on('response', ({ date: text }) => {
        const ms = text === undefined ? Number.NaN : Date.parse(text);
        resolve(Number.isNaN(ms) ? undefined : ms);
      });
      stream.on('error', () => resolve(undefined));
      stream.on('close', () => resolve(undefined));
    });
    stream.end(Buffer.alloc(5));
    const ms = await within(date, deps);
    stream.close(ErrorCode.CANCEL);
    return ms === late ? undefined : ms;
  }

  /** Sends PINGs, one after the answer to the other. Returns how many were answered before the server closed the connection. */
  async pingUntilClosed(count: number, deps: CheckDeps): Promise<number> {
    for (let sent = 0; sent < count; sent++) if (!(await this.ping(deps))) return sent;
    return count;
  }

  close(): void {
    this.session.destroy();
    this.socket.destroy();
  }

  private async ping(deps: CheckDeps): Promise<boolean> {
    if (this.closed || this.session.destroyed || this.goawayCode !== null) return false;
    const answer = new Promise<boolean>((resolve) => {
      this.session.once('close', () => resolve(false));
      // Not yet: the GOAWAY may be on its way, behind the answer.
      if (!this.session.ping((error) => resolve(error === null && this.goawayCode === null))) resolve(false);
    });
    return (await within(answer, deps)) === true;
  }
}

function problemOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_HTTP2_ERROR' || code === 'ERR_HTTP2_SESSION_ERROR')
    return 'the server does not speak HTTP/2; write protocol: http1 in the cluster for an HTTP/1.1 server, or enable HTTP/2 in the server';
  return connectionErrorText(error, 'server');
}
