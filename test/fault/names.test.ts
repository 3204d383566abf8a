import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { expect } from 'chai';
import { rig } from '../e2e/rig.ts';
import { type RawHandler, startRawServer } from '../support/raw-http2.ts';
import { type Program, startProgram } from '../support/sidecar.ts';
import { until } from '../support/until.ts';

/** Characters of every page of the admin address, whatever came in. */
const pageCharsMax = 4 * 1024 * 1024;
const grpcReply = { ':status': 200, 'content-type': 'application/grpc' };

const answerOk: RawHandler = (stream) =>
  stream.respond({ ...grpcReply, 'grpc-status': '0' }, { endStream: true });

interface Sent {
  readonly status: string | undefined;
  readonly http: number;
}

describe('names that clients make up', function () {
  this.timeout(120_000);
  const { defer } = rig();

  /** In front of a server that answers everything with OK unless told otherwise, in a process with little memory. */
  async function running(reply: RawHandler = answerOk) {
    const server = await startRawServer(reply);
    defer(() => server.close());
    const ports = ['--from', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
    const program: Program = startProgram(['run', ...ports, '--to', server.address], {
      NODE_OPTIONS: '--max-old-space-size=150',
    });
    defer(async () => {
      program.signal('SIGKILL');
      await program.exit;
    });
    const [, adminUrl] = await program.said(/admin page url=(http:\S+)\//);
    const [, target] = await program.said(/listening listener=\S+ address=(\S+)/);
    await until(
      async () => (await fetch(`${adminUrl}/ready`)).status === 200,
      () => program.stderr,
    );
    const session = connect(`http://${target}`, { maxSendHeaderBlockLength: 1 << 20 });
    session.on('error', () => {});
    defer(() => session.destroy());
    return { program, adminUrl, target, session };
  }

  function call(session: ClientHttp2Session, head: Record<string, string>): Promise<Sent> {
    return new Promise((resolve) => {
      const stream = session.request(
        { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers', ...head },
        { endStream: true },
      );
      let sent: Sent = { status: undefined, http: 0 };
      stream.on('response', (headers) => {
        sent = { status: headers['grpc-status'] as string | undefined, http: Number(headers[':status']) };
      });
      stream.on('error', () => {});
      stream.on('close', () => resolve(sent));
      stream.resume();
    });
  }

  /** What each page takes to be made, and how long it is. */
  async function pages(adminUrl: string) {
    const found: Record<string, string> = {};
    for (const path of ['/metrics', '/traces', '/traces?format=json', '/clusters', '/live.json', '/stats']) {
      const reply = await fetch(`${adminUrl}${path}`);
      expect(reply.status, path).to.equal(200);
      found[path] = await reply.text();
      expect(found[path].length, path).to.be.below(pageCharsMax);
    }
    const [{ id }] = JSON.parse(found['/traces?format=json']).recent;
    const explained = await (await fetch(`${adminUrl}/explain/${id}`)).text();
    expect(explained.length).to.be.below(16 * 1024);
    return found;
  }

  const gRPC = (path: string) => ({ ':path': path });
  const long = 'x'.repeat(55_000);

  it('150 gRPC methods of 55,000 characters cost a scrape nothing: one series called other', async () => {
    const { adminUrl, session, program } = await running();
    for (let i = 0; i < 150; i++) {
      const { http } = await call(session, gRPC(`/pkg.Service${i}/${long}`));
      expect(http).to.equal(200);
    }
    const { '/metrics': metrics } = await pages(adminUrl);
    expect(metrics).to.match(/^rpc_server_call_duration_seconds_count\{[^}]*rpc_method="other"[^}]*\} 150$/m);
    expect(metrics).not.to.include('Service');
    expect(program.exited).to.equal(false);
  });

  it('10,000 methods of few characters are 200 series and other', async () => {
    const { adminUrl, session } = await running();
    const total = 10_000;
    const wide = 500;
    for (let i = 0; i < total; i += wide)
      await Promise.all(
        Array.from({ length: wide }, (_, j) => call(session, gRPC(`/pkg.Service/M${i + j}`))),
      );
    const { '/metrics': metrics } = await pages(adminUrl);
    const counts = metrics.match(/^rpc_server_call_duration_seconds_count\{.*$/gm) ?? [];
    expect(counts).to.have.length(201);
    const calls = counts.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
    expect(calls).to.equal(total);
  });

  for (const [what, head] of [
    ['authorities', { ':path': '/a.B/C', ':authority': long }],
    ['HTTP methods', { ':path': '/', ':method': 'X'.repeat(50_000), 'content-type': 'text/plain' }],
    [
      'HTTP paths',
      { ':path': `/${long}?token=${long.slice(0, 100)}`, ':method': 'GET', 'content-type': 'text/plain' },
    ],
    ['timeouts', { ':path': '/a.B/C', 'grpc-timeout': long }],
    ['user agents', { ':path': '/a.B/C', 'user-agent': long }],
    ['trace contexts', { ':path': '/a.B/C', tracestate: `a=${long}`, baggage: long.slice(0, 3000) }],
    ['request ids', { ':path': '/a.B/C', 'x-request-id': long }],
    ['__proto__', { ':path': '/__proto__/constructor', 'x-a': '__proto__' }],
  ] as const) {
    it(`40 calls with long ${what} leave the pages as they are`, async () => {
      const { adminUrl, session, program } = await running();
      for (let i = 0; i < 40; i += 10)
        await Promise.all(
          Array.from({ length: 10 }, (_, j) => call(session, { ...head, 'x-n': String(i + j) })),
        );
      const found = await pages(adminUrl);
      for (const [path, text] of Object.entries(found)) expect(text, path).not.to.include('x'.repeat(2000));
      expect(program.exited).to.equal(false);
      expect((await call(session, gRPC('/a.B/C'))).status).to.equal('0');
    });
  }

  it('statuses and messages that a replica makes up leave the pages as they are', async () => {
    const { adminUrl, session, program } = await running((stream, headers) => {
      const n = Number(headers['x-n']);
      const reply = {
        'grpc-status': String(n * 7919),
        'grpc-message': long.slice(0, 30_000),
        'x-long': 'y'.repeat(20_000),
      };
      if (n % 2 === 0) stream.respond({ ...grpcReply, ...reply }, { endStream: true });
      else stream.respond({ ':status': 200 + (n % 400), ...reply }, { endStream: true });
    });
    for (let i = 0; i < 200; i += 10)
      await Promise.all(
        Array.from({ length: 10 }, (_, j) => call(session, { ':path': '/a.B/C', 'x-n': String(i + j) })),
      );
    const found = await pages(adminUrl);
    for (const [path, text] of Object.entries(found)) expect(text, path).not.to.match(/[xy]{2000}/);
    const methods = new Set(found['/metrics'].match(/rpc_status_code="[^"]*"/g));
    expect([...methods].length).to.be.below(18);
    expect(program.exited).to.equal(false);
  });

  it('HTTP/1.1 requests and WebSockets with long paths leave the pages as they are', async () => {
    const { adminUrl, target, program } = await running();
    for (let i = 0; i < 40; i++) {
      const upgrade = i % 2 === 0 ? 'upgrade: websocket\r\nconnection: upgrade\r\n' : '';
      const path = `/${i}${long.slice(0, 12_000)}`;
      const socket = connectTcp(Number(target.split(':')[1]), '127.0.0.1');
      socket.on('error', () => {});
      socket.write(
        `GET ${path} HTTP/1.1\r\nhost: a\r\n${upgrade}sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
      );
      await Promise.race([once(socket, 'data'), once(socket, 'close')]);
      socket.destroy();
    }
    const found = await pages(adminUrl);
    for (const [path, text] of Object.entries(found)) expect(text, path).not.to.include('x'.repeat(2000));
    expect(program.stderr).not.to.include('x'.repeat(9000));
  });
});
