import { mkdtempSync, rmSync } from 'node:fs';
import {
  type AddressInfo,
  connect,
  createServer,
  type ListenOptions,
  type LookupFunction,
  type Server,
  type Socket,
} from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { expect } from 'chai';
import { systemClock, VirtualClock } from '../../../src/core/clock.ts';
import type { ProbeResult } from '../../../src/health/probe.ts';
import { tcpProbe } from '../../../src/health/tcp-probe.ts';
import { endpointTls } from '../../../src/security/endpoint-tls.ts';
import { until } from '../../support/until.ts';
import { localhostCertificate, localhostKey } from './localhost-certificate.ts';

describe('tcpProbe', () => {
  let server: Server;
  let connections: number;
  const start = (options: ListenOptions) =>
    new Promise<void>((resolve) => {
      connections = 0;
      server = createServer((socket) => {
        connections++;
        socket.on('error', () => {});
        socket.resume();
      }).listen(options, resolve);
    });
  const local = () =>
    ({ kind: 'tcp', host: '127.0.0.1', port: (server.address() as AddressInfo).port }) as const;
  const stop = () => new Promise((resolve) => server.close(resolve));

  it('is healthy when the connection is accepted, and closes it', async () => {
    await start({ port: 0, host: '127.0.0.1' });
    const probe = tcpProbe(local(), systemClock);
    const healthy = { verdict: 'healthy', reason: 'accepts connections' };
    expect(await probe.check(1000)).to.deep.equal(healthy);
    expect(await probe.check(1000)).to.deep.equal(healthy);
    await stop(); // only ends once both connections are closed
    expect(connections).to.equal(2);
  });

  it('says so when nothing listens', async () => {
    await start({ port: 0, host: '127.0.0.1' });
    const address = local();
    await stop();
    const result = await tcpProbe(address, systemClock).check(1000);
    expect(result).to.deep.equal({ verdict: 'failed', reason: 'connection refused' });
  });

  it('probes a Unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-'));
    const path = join(folder, 'a.sock');
    const probe = tcpProbe({ kind: 'unix', path }, systemClock);
    expect(await probe.check(1000)).to.deep.equal({ verdict: 'failed', reason: 'no such socket' });
    await start({ path });
    expect((await probe.check(1000)).verdict).to.equal('healthy');
    await stop();
    rmSync(folder, { recursive: true });
  });

  it('gives up at the timeout, and when closed', async () => {
    await start({ port: 0, host: '127.0.0.1' });
    const clock = new VirtualClock();
    const probe = tcpProbe(local(), clock);
    const late = probe.check(1000);
    clock.advance(1000); // before the connection had a turn of the event loop to be made
    expect(await late).to.deep.equal({ verdict: 'failed', reason: 'no answer within 1000 ms' });
    const closed = probe.check(1000);
    probe.close();
    expect((await closed).verdict).to.equal('failed');
    expect(clock.pending).to.equal(0);
    await stop();
  });
});

describe('tcpProbe over TLS', () => {
  let server: Server;
  const start = async (made: Server): Promise<void> => {
    server = made;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  };
  const listening = (options: TlsOptions) =>
    start(
      createTlsServer({ cert: localhostCertificate, key: localhostKey, ...options }, (socket) => {
        socket.on('error', () => {});
        socket.resume();
      }).on('tlsClientError', () => {}),
    );
  /** On a clock that stands still, so that no verdict is one by time. */
  const check = async (name = 'localhost'): Promise<ProbeResult> => {
    const address = { kind: 'tcp', host: '127.0.0.1', port: (server.address() as AddressInfo).port } as const;
    const clock = new VirtualClock();
    const tls = endpointTls({ ca: localhostCertificate }, address, name);
    const result = await tcpProbe(address, clock, { tls }).check(1000);
    expect(clock.pending, 'timers left').to.equal(0);
    return result;
  };
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`is healthy when the handshake is complete and the certificate is the endpoint's, ${version}`, async () => {
      await listening({ minVersion: version, maxVersion: version });
      expect(await check()).to.deep.equal({ verdict: 'healthy', reason: 'accepts TLS connections' });
      expect((await check('elsewhere')).verdict).to.equal('failed');
    });

    it(`fails where the server requires a client certificate, ${version}`, async () => {
      await listening({ minVersion: version, maxVersion: version, requestCert: true });
      expect((await check()).verdict).to.equal('failed');
    });
  }

  it('connects to the other address family where the first address of a name refuses', async () => {
    await listening({});
    const { port } = server.address() as AddressInfo;
    const address = { kind: 'tcp', host: 'localhost', port } as const;
    const addresses = [
      { address: '::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ];
    const lookup: LookupFunction = (_name, { all }, done) =>
      all ? done(null, addresses) : done(null, addresses[0].address, addresses[0].family);
    const tls = { ...endpointTls({ ca: localhostCertificate }, address, 'localhost'), lookup };
    const { verdict } = await tcpProbe(address, new VirtualClock(), { tls }).check(1000);
    expect(verdict).to.equal('healthy');
  });

  it('fails where the connection closes during the handshake', async () => {
    await start(
      createServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => socket.end());
      }),
    );
    const { verdict, reason } = await check();
    expect(verdict).to.equal('failed');
    expect(reason).to.match(/closed|disconnected|reset/);
  });

  /**
   * A TLS 1.3 server behind a relay that withholds what the server sends after the handshake of the client, session tickets
   * for example, and hands the connection of the client to `then`.
   */
  async function withholding(then: (client: Socket) => void): Promise<void> {
    await listening({ minVersion: 'TLSv1.3' });
    const behind = server;
    const { port } = behind.address() as AddressInfo;
    const relay = createServer((client) => {
      const upstream = connect(port, '127.0.0.1');
      let flights = 0;
      client.on('data', (bytes) => {
        upstream.write(bytes);
        flights += 1;
        if (flights === 2) then(client);
      });
      upstream.on('data', (bytes) => {
        if (flights === 1) client.write(bytes);
      });
      for (const socket of [client, upstream]) socket.on('error', () => {});
      client.on('close', () => upstream.destroy());
    });
    relay.on('close', () => behind.close());
    await start(relay);
  }

  it('waits 100 ms after the handshake for a server of TLS 1.3 to refuse it', async () => {
    await withholding(() => {});
    const clock = new VirtualClock();
    const address = { kind: 'tcp', host: '127.0.0.1', port: (server.address() as AddressInfo).port } as const;
    const tls = endpointTls({ ca: localhostCertificate }, address, 'localhost');
    let settled = false;
    const pending = tcpProbe(address, clock, { tls }).check(1000);
    pending.then(() => {
      settled = true;
    });
    await until(
      () => clock.pending === 2,
      () => 'no handshake',
    );
    clock.advance(99);
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).to.equal(false);
    clock.advance(1);
    expect(await pending).to.deep.equal({ verdict: 'healthy', reason: 'accepts TLS connections' });
    expect(clock.pending).to.equal(0);
  });

  it('fails where a server of TLS 1.3 closes the connection in that time', async () => {
    await withholding((client) => client.end());
    expect(await check()).to.deep.equal({
      verdict: 'failed',
      reason: 'connection closed during the TLS handshake',
    });
  });
});
