import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock, VirtualClock } from '../../../src/core/clock.ts';
import { httpProbe } from '../../../src/health/http-probe.ts';
import { endpointTls } from '../../../src/security/endpoint-tls.ts';
import { localhostCertificate, localhostKey } from './localhost-certificate.ts';

describe('httpProbe', () => {
  let server: Server;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  const listener = (request: IncomingMessage, response: ServerResponse) => answer(request, response);
  const listen = () => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const local = () =>
    ({ kind: 'tcp', host: '127.0.0.1', port: (server.address() as AddressInfo).port }) as const;
  const status = (code: number) => {
    answer = (_request, response) => void response.writeHead(code).end('body');
  };

  beforeEach(async () => {
    server = createServer(listener);
    await listen();
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  for (const [code, verdict] of [
    [200, 'healthy'],
    [204, 'healthy'],
    [299, 'healthy'],
    [300, 'unhealthy_now'],
    [301, 'unhealthy_now'],
    [404, 'unhealthy_now'],
    [503, 'unhealthy_now'],
  ] as const) {
    it(`status ${code} is ${verdict}`, async () => {
      status(code);
      const result = await httpProbe(local(), systemClock, { path: '/healthz' }).check(1000);
      expect(result).to.deep.equal({ verdict, reason: `HTTP status ${code}` });
    });
  }

  it('takes the configured statuses, and no other', async () => {
    const probe = httpProbe(local(), systemClock, { path: '/', expectedStatuses: [404, 301] });
    status(404);
    expect((await probe.check(1000)).verdict).to.equal('healthy');
    status(200);
    expect((await probe.check(1000)).verdict).to.equal('unhealthy_now');
  });

  it('asks for the path, with the address as host or the configured host', async () => {
    const asked: string[] = [];
    answer = (request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.host}`);
      response.end();
    };
    const address = local();
    await httpProbe(address, systemClock, { path: '/healthz?deep=1' }).check(1000);
    await httpProbe(address, systemClock, { path: '/', host: 'shop' }).check(1000);
    expect(asked).to.deep.equal([`GET /healthz?deep=1 127.0.0.1:${address.port}`, 'GET / shop']);
  });

  it('does not wait for a body', async () => {
    answer = (_request, response) => {
      response.writeHead(200).write('begun');
    };
    expect((await httpProbe(local(), systemClock, { path: '/' }).check(1000)).verdict).to.equal('healthy');
  });

  it('fails when the connection breaks, and when nobody answers in time', async () => {
    answer = (request) => void request.socket.destroy();
    const broken = await httpProbe(local(), systemClock, { path: '/' }).check(1000);
    expect(broken).to.deep.equal({ verdict: 'failed', reason: 'connection reset' });
    const clock = new VirtualClock();
    const asked = new Promise<void>((resolve) => {
      answer = () => resolve();
    });
    const pending = httpProbe(local(), clock, { path: '/' }).check(700);
    await asked;
    clock.advance(700);
    expect(await pending).to.deep.equal({ verdict: 'failed', reason: 'no answer within 700 ms' });
    expect(clock.pending).to.equal(0);
  });

  it('fails on a peer that speaks something else', async () => {
    answer = (request) => void request.socket.end('SSH-2.0-OpenSSH\r\n');
    expect((await httpProbe(local(), systemClock, { path: '/' }).check(1000)).verdict).to.equal('failed');
  });

  it('leaves neither its connection nor a timer behind, though the server never ends its reply', async () => {
    const closed = new Promise<void>((resolve) => {
      answer = (request, response) => {
        request.socket.on('close', () => resolve());
        response.writeHead(200).write('begun');
      };
    });
    const clock = new VirtualClock();
    expect((await httpProbe(local(), clock, { path: '/' }).check(1000)).verdict).to.equal('healthy');
    expect(clock.pending).to.equal(0);
    await closed;
  });

  it('asks a Unix socket for localhost', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-'));
    const path = join(folder, 'http.sock');
    await new Promise((resolve) => server.close(resolve));
    server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    let host = '';
    answer = (request, response) => {
      host = request.headers.host ?? '';
      response.end();
    };
    const result = await httpProbe({ kind: 'unix', path }, systemClock, { path: '/' }).check(1000);
    expect([result.verdict, host]).to.deep.equal(['healthy', 'localhost']);
    rmSync(folder, { recursive: true });
  });

  it('settles when closed during a probe', async () => {
    const probe = httpProbe(local(), new VirtualClock(), { path: '/' });
    const asked = new Promise<void>((resolve) => {
      answer = () => resolve();
    });
    const pending = probe.check(1000);
    await asked;
    probe.close();
    expect(await pending).to.deep.equal({ verdict: 'failed', reason: 'given up' });
  });

  it('probes over TLS and verifies the name', async () => {
    await new Promise((resolve) => server.close(resolve));
    server = createTlsServer({ cert: localhostCertificate, key: localhostKey }, listener);
    await listen();
    status(200);
    const verdict = async (name: string) => {
      const tls = endpointTls({ ca: localhostCertificate }, local(), name);
      return (await httpProbe(local(), systemClock, { path: '/', tls }).check(1000)).verdict;
    };
    expect(await verdict('localhost')).to.equal('healthy');
    expect(await verdict('elsewhere')).to.equal('failed');
  });
});
