import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { type Clock, systemClock, VirtualClock } from '../../../src/core/clock.ts';
import { grpcProbe } from '../../../src/health/grpc-probe.ts';
import type { Probe } from '../../../src/health/probe.ts';
import { until } from '../../support/until.ts';

const timeoutMs = 1000;
const head = { ':status': 200, 'content-type': 'application/grpc' };
const healthy = { verdict: 'healthy', reason: 'SERVING' };

/** A message with this serving status, with the prefix of gRPC: 1 is SERVING, 2 is NOT_SERVING. */
const message = (status: number): Buffer => Buffer.from([0, 0, 0, 0, 2, 8, status]);

function answersServing(stream: ServerHttp2Stream): void {
  stream.respond(head, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(message(1));
}
const answersStatus =
  (status: number) =>
  (stream: ServerHttp2Stream): void =>
    stream.respond({ ...head, 'grpc-status': String(status) }, { endStream: true });

/** A server of the health service on `node:http2`, which shows its connections and can send GOAWAY. */
class HealthServer {
  readonly sessions: ServerHttp2Session[] = [];
  readonly checks: { stream: ServerHttp2Stream; headers: IncomingHttpHeaders }[] = [];
  readonly watches: ServerHttp2Stream[] = [];
  /** Answers each Check. */
  onCheck: (stream: ServerHttp2Stream) => void = answersServing;
  /** Answers each Watch, which stays open by default. */
  onWatch: (stream: ServerHttp2Stream) => void = (stream) => stream.respond(head);
  private readonly server = createServer();

  async listen(): Promise<void> {
    this.server.on('session', (session) => {
      this.sessions.push(session);
      session.on('error', () => {});
    });
    this.server.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      if (headers[':path'] === '/grpc.health.v1.Health/Watch') {
        this.watches.push(stream);
        this.onWatch(stream);
      } else {
        this.checks.push({ stream, headers });
        this.onCheck(stream);
      }
    });
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const session of this.sessions) session.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** A clock whose timers are late, as they are on a busy event loop. */
class LateClock extends VirtualClock {
  lateMs = 0;
  override now(): number {
    return super.now() + this.lateMs;
  }
}

describe('the connection of a gRPC probe', () => {
  let server: HealthServer;
  let probe: Probe;
  /** What the Watch reported. */
  let reports: string[];

  beforeEach(async () => {
    reports = [];
    server = new HealthServer();
    await server.listen();
  });
  afterEach(async () => {
    probe.close();
    await server.close();
  });

  function probing(mode: 'check' | 'watch' = 'check', clock: Clock = systemClock): Probe {
    const { port } = server;
    probe = grpcProbe({ kind: 'tcp', host: '127.0.0.1', port }, clock, { service: '', mode });
    probe.listen?.(({ verdict, reason }) => reports.push(`${verdict}: ${reason}`));
    return probe;
  }
  /** Resolves when the client has read all that the server sent on this connection. */
  const roundTrip = (session: ServerHttp2Session) =>
    new Promise<void>((resolve) => session.ping(() => resolve()));
  const checked = (count: number) =>
    until(
      () => server.checks.length === count,
      () => `${server.checks.length} checks`,
    );
  const watched = (count: number) =>
    until(
      () => server.watches.length === count,
      () => `${server.watches.length} watches`,
    );
  const reported = (count: number) =>
    until(
      () => reports.length === count,
      () => reports.join(),
    );
  const closed = (session: ServerHttp2Session) =>
    until(
      () => session.destroyed,
      () => 'the connection is open',
    );

  it('has the scheme http without TLS', async () => {
    await probing().check(timeoutMs);
    expect(server.checks[0].headers[':scheme']).to.equal('http');
  });

  it('is replaced after UNAVAILABLE, and closed at once', async () => {
    server.onCheck = answersStatus(14);
    expect((await probing().check(timeoutMs)).verdict).to.equal('unavailable');
    await closed(server.sessions[0]);
    server.onCheck = answersServing;
    expect(await probe.check(timeoutMs)).to.deep.equal(healthy);
    expect(server.sessions).to.have.length(2);
  });

  it('is replaced after no answer, and closed at once', async () => {
    const clock = new VirtualClock();
    server.onCheck = () => {};
    const late = probing('check', clock).check(timeoutMs);
    await checked(1);
    await roundTrip(server.sessions[0]);
    clock.advance(timeoutMs);
    expect((await late).verdict).to.equal('no_answer');
    await closed(server.sessions[0]);
    server.onCheck = answersServing;
    expect(await probe.check(timeoutMs)).to.deep.equal(healthy);
    expect(server.sessions).to.have.length(2);
  });

  it('leaves no timer behind after an answer', async () => {
    const clock = new VirtualClock();
    await probing('check', clock).check(timeoutMs);
    expect(clock.pending).to.equal(0);
  });

  it('is closed by close during a check, which ends as given up', async () => {
    for (const keeps of [false, true]) {
      const made = probing();
      if (keeps) await made.check(timeoutMs);
      const count = server.checks.length + 1;
      server.onCheck = () => {};
      const pending = made.check(timeoutMs);
      await checked(count);
      made.close();
      expect(await pending).to.deep.equal({ verdict: 'failed', reason: 'given up' });
      server.onCheck = answersServing;
    }
    expect(server.sessions, 'one connection for each probe').to.have.length(2);
  });

  it('is not made by a check after close', async () => {
    probing().close();
    expect(await probe.check(timeoutMs)).to.deep.equal({ verdict: 'failed', reason: 'given up' });
    expect(server.sessions).to.deep.equal([]);
  });

  it('that was kept and ends is replaced within the timeout: the second request has the rest of it', async () => {
    const clock = new VirtualClock();
    const kept = probing('check', clock);
    await kept.check(timeoutMs);
    server.onCheck = () => {};
    const pending = kept.check(timeoutMs);
    await checked(2);
    clock.advance(600.5);
    server.sessions[0].goaway(0, server.checks[0].stream.id);
    await checked(3);
    expect(server.checks.map(({ headers }) => headers['grpc-timeout'])).to.deep.equal([
      '1000m',
      '1000m',
      '400m',
    ]);
    await roundTrip(server.sessions[1]);
    clock.advance(399.5);
    expect(await pending).to.deep.equal({ verdict: 'no_answer', reason: 'no answer within 1000 ms' });
  });

  it('that was kept and ends is replaced while a millisecond is left, and not when the time is over', async () => {
    const clock = new LateClock();
    const kept = probing('check', clock);
    for (const [passesMs, verdict, requests] of [
      [timeoutMs - 1, 'healthy', 3],
      [timeoutMs, 'connection_closed', 5],
    ] as const) {
      clock.lateMs = 0;
      server.onCheck = answersServing;
      await kept.check(timeoutMs);
      server.onCheck = () => {};
      const pending = kept.check(timeoutMs);
      await until(
        () => server.checks.at(-1)?.stream.headersSent === false,
        () => 'no second check',
      );
      clock.lateMs = passesMs;
      server.onCheck = answersServing;
      server.sessions.at(-1)!.goaway(0, server.checks.at(-1)!.stream.id! - 2);
      expect((await pending).verdict).to.equal(verdict);
      expect(server.checks).to.have.length(requests);
    }
  });

  it('on which the server answers and then shuts down is closed with its Watch, which is opened on the next', async () => {
    await probing('watch').check(timeoutMs);
    await watched(1);
    server.onCheck = (stream) => {
      stream.session!.goaway(0, stream.id);
      answersServing(stream);
    };
    expect(await probe.check(timeoutMs)).to.deep.equal(healthy);
    await closed(server.sessions[0]);
    server.onCheck = answersServing;
    expect(await probe.check(timeoutMs)).to.deep.equal(healthy);
    await watched(2);
    expect(server.watches[1].session).to.equal(server.sessions[1]);
    expect(reports).to.deep.equal([]);
  });

  it('on which the server shuts down with the first answer gets no Watch', async () => {
    server.onCheck = (stream) => {
      stream.session!.goaway(0, stream.id);
      answersServing(stream);
    };
    expect(await probing('watch').check(timeoutMs)).to.deep.equal(healthy);
    server.onCheck = answersServing;
    await probe.check(timeoutMs);
    await watched(1);
    server.watches[0].write(message(1));
    await reported(1);
    expect(reports).to.deep.equal(['healthy: SERVING']);
  });

  it('that takes no further request between two checks is closed with its Watch, which is no failure', async () => {
    await probing('watch').check(timeoutMs);
    await watched(1);
    server.sessions[0].goaway(0, server.watches[0].id);
    await roundTrip(server.sessions[0]);
    expect(await probe.check(timeoutMs)).to.deep.equal(healthy);
    await closed(server.sessions[0]);
    await watched(2);
    server.watches[1].write(message(2));
    await reported(1);
    expect(reports).to.deep.equal(['unhealthy_now: NOT_SERVING']);
  });

  it('loses what its Watch reported when it is replaced', async () => {
    await probing('watch').check(timeoutMs);
    await watched(1);
    server.watches[0].write(message(2));
    await reported(1);
    server.onCheck = answersStatus(14);
    expect((await probe.check(timeoutMs)).verdict).to.equal('unavailable');
    server.onCheck = answersStatus(7);
    expect((await probe.check(timeoutMs)).verdict).to.equal('inconclusive');
  });

  it('ends without a report of its Watch when the probe is closed', async () => {
    await probing('watch').check(timeoutMs);
    await watched(1);
    probe.close();
    await closed(server.sessions[0]);
    expect(reports).to.deep.equal([]);
  });

  it('stays open when its Watch sends a message that cannot be read', async () => {
    await probing('watch').check(timeoutMs);
    await watched(1);
    server.watches[0].write(Buffer.from([0, 0, 0, 0, 1, 0xff]));
    await reported(1);
    expect(reports[0]).to.match(/^failed: Health\/Watch ended: a message that is no HealthCheckResponse: /);
    expect(await probe.check(timeoutMs)).to.deep.equal(healthy);
    expect(server.sessions).to.have.length(1);
  });

  it('gets no second Watch, however late, where the server has none', async () => {
    const clock = new VirtualClock();
    const kept = probing('watch', clock);
    server.onWatch = answersStatus(12);
    for (let i = 0; i < 3; i++) {
      expect(await kept.check(timeoutMs)).to.deep.equal(healthy);
      await watched(1);
      await roundTrip(server.sessions[0]);
      clock.advance(120_000);
    }
    expect([server.watches.length, reports]).to.deep.equal([1, []]);
  });
});
