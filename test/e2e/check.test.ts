import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { constants, createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import type { CheckReport } from '../../src/cli/check/check-text.ts';
import { expired, newAuthority, type Pem } from '../support/certificates.ts';
import { bind } from '../support/reflection-server.ts';
import { startProgram } from '../support/sidecar.ts';
import { runCommand } from '../unit/cli/support.ts';
import { rig } from './rig.ts';

describe('outrigger check', () => {
  const { greeter, defer } = rig();
  const authority = newAuthority();
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'outrigger-check-'));
    writeFileSync(join(folder, 'ca.pem'), authority.cert);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function configFile(cluster: object, listener: object = {}): string {
    const file = join(folder, 'outrigger.json');
    const config = {
      admin: { listen: `unix:${folder}/admin.sock` },
      listeners: [
        {
          name: 'outbound',
          listen: `unix:${folder}/listener.sock`,
          routes: [{ name: 'all', cluster: 'orders' }],
          ...listener,
        },
      ],
      clusters: [{ name: 'orders', ...cluster }],
    };
    writeFileSync(file, JSON.stringify(config));
    return file;
  }

  /** What the command found about an endpoint or another subject, by the name of the check. */
  async function checked(
    file: string,
  ): Promise<{ code: number; report: CheckReport; results: Record<string, string> }> {
    const { code, out, err } = await runCommand(['check', file, '-o', 'json', '--timeout', '2s']);
    expect(err).to.equal('');
    const report = JSON.parse(out) as CheckReport;
    const results = Object.fromEntries(report.findings.map(({ check, result }) => [check, result]));
    return { code, report, results };
  }

  const tlsServer = (pem: Pem): Promise<string> => startTlsServer(pem, defer);

  it('a healthy endpoint passes every check, and the command ends with 0', async () => {
    const replica = await greeter({ maxConcurrentStreams: 100 });
    const { code, report, results } = await checked(
      configFile({ endpoints: [{ address: replica.address }], connections: { keepalive: {} } }),
    );
    expect(code).to.equal(0);
    expect(report.ok).to.equal(true);
    expect(results).to.include({
      port: 'ok',
      http2: 'ok',
      'stream-limit': 'ok',
      keepalive: 'ok',
      health: 'ok',
      'listen-address': 'ok',
    });
    const limit = report.findings.find(({ check }) => check === 'stream-limit');
    expect(limit?.text).to.include('100 concurrent streams');
  });

  it('a closed port fails, and what lies behind it is not checked', async () => {
    const { code, report, results } = await checked(configFile({ endpoints: [{ address: '127.0.0.1:1' }] }));
    expect(code).to.equal(1);
    expect(results.port).to.equal('failed');
    expect(results).not.to.have.any.keys('http2', 'health');
    expect(textOf(report, 'port')).to.equal(
      'connection refused (ECONNREFUSED); start the server, or correct the address of the endpoint',
    );
  });

  it('a server that accepts and says nothing fails in the time of one check', async () => {
    const silent = createServer((socket) => socket.on('error', () => {}).resume());
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    defer(() => silent.close());
    const { port } = silent.address() as AddressInfo;
    const { report } = await checked(configFile({ endpoints: [{ address: `127.0.0.1:${port}` }] }));
    expect(textOf(report, 'http2')).to.include('no HTTP/2 SETTINGS within 2000 ms');
  });

  it('a certificate with the wrong name and one that expired are told apart', async () => {
    const wrongName = await tlsServer(authority.issue(['other.example']));
    const tls = { ca: `${folder}/ca.pem` };
    const named = await checked(configFile({ endpoints: [{ address: wrongName }], tls }));
    expect(named.results).to.include({
      'certificate-chain': 'ok',
      'certificate-name': 'failed',
      'certificate-expiry': 'ok',
      alpn: 'ok',
    });
    expect(textOf(named.report, 'certificate-name')).to.include(
      'not for "127.0.0.1"; it is for DNS:other.example; write the name of the certificate in tls.serverName',
    );
    const old = await tlsServer(authority.issue(['127.0.0.1'], expired));
    const dated = await checked(configFile({ endpoints: [{ address: old }], tls }));
    expect(dated.results).to.include({
      'certificate-chain': 'ok',
      'certificate-name': 'ok',
      'certificate-expiry': 'failed',
    });
    expect(textOf(dated.report, 'certificate-expiry')).to.match(
      /"127\.0\.0\.1" expired on 2021-01-01, .* ago/,
    );
  });

  it('an expired certificate with the wrong name shows both', async () => {
    const address = await tlsServer(authority.issue(['other.example'], expired));
    const { results } = await checked(
      configFile({ endpoints: [{ address }], tls: { ca: `${folder}/ca.pem` } }),
    );
    expect(results).to.include({ 'certificate-name': 'failed', 'certificate-expiry': 'failed' });
  });

  it('an authority that is not trusted fails the chain', async () => {
    const address = await tlsServer(newAuthority('Somebody else').issue(['127.0.0.1']));
    const { report, results } = await checked(
      configFile({ endpoints: [{ address }], tls: { ca: `${folder}/ca.pem` } }),
    );
    expect(results['certificate-chain']).to.equal('failed');
    expect(textOf(report, 'certificate-chain')).to.include('tls.ca of the cluster');
  });

  it('a server with TLS behind a cluster without it is recognized', async () => {
    const address = await tlsServer(authority.issue(['127.0.0.1']));
    const { report } = await checked(configFile({ endpoints: [{ address }] }));
    expect(textOf(report, 'http2')).to.include('the server uses TLS, and the cluster does not; write tls');
  });

  it('a server without TLS behind a cluster with it is recognized', async () => {
    const replica = await greeter();
    const { report } = await checked(
      configFile({ endpoints: [{ address: replica.address }], tls: { ca: `${folder}/ca.pem` } }),
    );
    expect(textOf(report, 'tls')).to.include('use TLS on both sides or on neither');
  });

  it('an HTTP/1.1 server behind an http2 cluster is recognized', async () => {
    const web = createHttpServer((_request, response) => response.end('hello'));
    await new Promise<void>((done) => web.listen(0, '127.0.0.1', done));
    defer(() => web.close());
    const { port } = web.address() as AddressInfo;
    const { report } = await checked(configFile({ endpoints: [{ address: `127.0.0.1:${port}` }] }));
    expect(textOf(report, 'http2')).to.include('write protocol: http1 in the cluster');
  });

  it('a server without the health service is a warning, and one that does not serve a failure', async () => {
    const without = await greeter({ health: 'UNIMPLEMENTED' });
    const warned = await checked(configFile({ endpoints: [{ address: without.address }] }));
    expect([warned.code, warned.results.health]).to.deep.equal([0, 'warning']);
    expect(textOf(warned.report, 'health')).to.include('add the service grpc.health.v1.Health to the server');
    const down = await greeter({ health: 'NOT_SERVING' });
    const failed = await checked(configFile({ endpoints: [{ address: down.address }] }));
    expect([failed.code, failed.results.health]).to.deep.equal([1, 'failed']);
  });

  it('a server that refuses frequent PINGs is a warning if the cluster sends them', async () => {
    const address = await strictServer(defer);
    const cluster = { endpoints: [{ address }], health: 'none' };
    const often = await checked(configFile({ ...cluster, connections: { keepalive: { interval: '30s' } } }));
    expect(often.results.keepalive).to.equal('warning');
    expect(textOf(often.report, 'keepalive')).to.match(
      /GOAWAY with ENHANCE_YOUR_CALM after \d PINGs.*every 30 s; raise/,
    );
    // Its `date` header shows 1970.
    expect(textOf(often.report, 'clock')).to.match(
      /the clock of the server is \d+ d \d+ h behind this machine/,
    );
    const rarely = await checked(configFile({ ...cluster, connections: { keepalive: { interval: '5m' } } }));
    expect(rarely.results.keepalive).to.equal('ok');
    const off = await checked(configFile(cluster));
    expect(off.results).not.to.have.property('keepalive');
  });

  it('few streams for each connection are a warning', async () => {
    const few = await greeter({ maxConcurrentStreams: 2 });
    const { results } = await checked(configFile({ endpoints: [{ address: few.address }] }));
    expect(results['stream-limit']).to.equal('warning');
  });

  it('names that do not resolve fail, of endpoints and of discovery', async () => {
    // A label of 64 characters, which no resolver asks a server for.
    const name = `${'a'.repeat(64)}.invalid`;
    const fixed = await checked(configFile({ endpoints: [{ address: `${name}:50051` }] }));
    expect([fixed.code, fixed.results.dns]).to.deep.equal([1, 'failed']);
    expect(fixed.results).not.to.have.property('port');
  });

  it('a listener whose address is taken fails, and one whose certificate expired as well', async () => {
    const replica = await greeter();
    const old = authority.issue(['outbound.example'], expired);
    writeFileSync(join(folder, 'cert.pem'), old.cert);
    writeFileSync(join(folder, 'key.pem'), old.key);
    const { code, report, results } = await checked(
      configFile(
        { endpoints: [{ address: replica.address }] },
        {
          listen: `127.0.0.1:${(await greeter()).port}`,
          tls: { cert: `${folder}/cert.pem`, key: `${folder}/key.pem` },
        },
      ),
    );
    expect(code).to.equal(1);
    expect(results['listener-certificate']).to.equal('failed');
    expect(textOf(report, 'listen-address')).to.include(
      'the address is in use; stop what listens there or choose another port',
    );
  });

  it('a wrong configuration ends with 2 and all of its problems', async () => {
    const file = configFile({ endpoints: [{ address: '127.0.0.1' }] });
    const { code, out, err } = await runCommand(['check', file]);
    expect([code, out]).to.deep.equal([2, '']);
    expect(err).to.match(/has no port(?:.|\n)*has 1 problem\n$/);
  });

  it('without a sidecar that answers it ends with 3 and the way to check a file', async () => {
    const { code, err } = await runCommand(['check', '--admin', `unix:${folder}/none.sock`]);
    expect(code).to.equal(3);
    expect(err).to.include(
      'to check a configuration before the sidecar runs, write outrigger check --config FILE',
    );
  });

  it('a running sidecar and its endpoints are checked as a user runs it', async () => {
    const [good, gone] = [await greeter(), await greeter()];
    const sidecar = startProgram([
      ...['run', '--from', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--drain-delay', '0s'],
      ...['--to', good.address, '--to', gone.address],
    ]);
    defer(async () => {
      sidecar.signal('SIGKILL');
      await sidecar.exit;
    });
    const [, admin] = await sidecar.said(/admin page url=http:\/\/(\S+)\//);
    await sidecar.said(/is healthy(?:.|\n)*is healthy/);
    const well = startProgram(['check', '--admin', admin]);
    expect(await well.exit, well.stdout + well.stderr).to.equal(0);
    expect(well.stdout).to.match(/^sidecar 127\.0\.0\.1:\d+\n {2}ok {7}sidecar: Outrigger /);
    expect(well.stdout).to.match(/All \d+ checks passed\.\n$/);
    await gone.kill();
    const broken = startProgram(['check', '--admin', admin]);
    expect(await broken.exit).to.equal(1);
    expect(broken.stdout).to.include(
      `cluster upstream, ${gone.address}\n  failed   port: connection refused`,
    );
    expect(broken.stdout).to.include('see: docs/check.md#port\n');
  });
});

/** An HTTP/2 server that closes a connection at its third PING, as gRPC servers do (gRFC A8), and whose clock shows 1970. */
async function strictServer(defer: (takeDown: () => unknown) => void): Promise<string> {
  const server = createHttp2Server();
  const sessions: ServerHttp2Session[] = [];
  defer(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', date: new Date(0).toUTCString() });
    stream.end();
  });
  server.on('session', (session) => {
    sessions.push(session);
    let count = 0;
    session.on('ping', () => {
      if (++count === 3)
        session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from('too_many_pings'));
    });
    session.on('error', () => {});
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What the first finding of a check that is not ok says, and what to do. */
function textOf(report: CheckReport, check: string): string {
  const finding = report.findings.find((one) => one.check === check && one.result !== 'ok');
  return `${finding?.text}; ${finding?.fix}`;
}

async function startTlsServer(pem: Pem, defer: (takeDown: () => unknown) => void): Promise<string> {
  const server = new grpc.Server();
  const credentials = grpc.ServerCredentials.createSsl(null, [
    { private_key: Buffer.from(pem.key), cert_chain: Buffer.from(pem.cert) },
  ]);
  defer(() => server.forceShutdown());
  return bind(server, credentials);
}
