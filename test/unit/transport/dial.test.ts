import { spawn } from 'node:child_process';
import dns from 'node:dns';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import type { Address } from '../../../src/core/address.ts';
import { dial } from '../../../src/transport/dial.ts';
import { judgesRealTime } from '../../support/real-time.ts';
import { localhostCertificate, localhostKey } from '../health/localhost-certificate.ts';

describe('dial', () => {
  const deferred: Array<() => unknown> = [];
  afterEach(async () => {
    for (let takeDown = deferred.pop(); takeDown !== undefined; takeDown = deferred.pop()) await takeDown();
  });
  async function listening(server: Server, path?: string): Promise<number> {
    if (path === undefined) server.listen(0, '127.0.0.1');
    else server.listen(path);
    await once(server, 'listening');
    deferred.push(() => new Promise((resolve) => server.close(resolve)));
    return path === undefined ? (server.address() as { port: number }).port : 0;
  }
  /** An address whose SYNs the kernel drops: the queue of its listener is full, and nobody takes from it. */
  async function silent(host: string, port: number): Promise<void> {
    const listen = `net.createServer().listen({ host: '${host}', port: ${port}, backlog: 1 }, () => console.log())`;
    const child = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exit = once(child, 'exit');
    deferred.push(async () => {
      child.kill('SIGKILL');
      await exit;
    });
    await once(child.stdout, 'data');
    child.kill('SIGSTOP');
    const queued = Array.from({ length: 2 }, () => connect(port, host).on('error', () => {}));
    deferred.push(() => {
      for (const socket of queued) socket.destroy();
    });
    await Promise.all(queued.map((socket) => once(socket, 'connect')));
  }
  /** What came through a connection in cleartext. */
  async function read(address: Address): Promise<string> {
    let came = '';
    const socket = dial(address, null, (bytes, length) => {
      came += bytes.toString('latin1', 0, length);
    });
    await once(socket, 'close');
    return came;
  }

  it('connects by TCP and by a Unix socket, and hands over what is read', async () => {
    const port = await listening(createServer((socket) => socket.end('hello')));
    expect(await read({ kind: 'tcp', host: '127.0.0.1', port })).to.equal('hello');
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-dial-'));
    deferred.push(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'x.sock');
    await listening(
      createServer((socket) => socket.end('hello too')),
      path,
    );
    expect(await read({ kind: 'unix', path })).to.equal('hello too');
  });

  it('tries the addresses of a name in turn: localhost may be IPv6 first', async () => {
    const port = await listening(createServer((socket) => socket.end('hello')));
    expect(await read({ kind: 'tcp', host: 'localhost', port })).to.equal('hello');
  });

  it('tries the next address of a name 250 ms after one that does not answer (RFC 8305)', async function () {
    judgesRealTime(this, '250 ms may not become a second');
    const port = await listening(createServer((socket) => socket.end('hello')));
    await silent('127.0.0.2', port);
    const { lookup } = dns;
    deferred.push(() => {
      dns.lookup = lookup;
    });
    const addresses = ['127.0.0.2', '127.0.0.1'].map((address) => ({ address, family: 4 }));
    dns.lookup = ((_name: string, _options: object, done: (error: null, found: object[]) => void) =>
      done(null, addresses)) as typeof lookup;
    const startedMs = performance.now();
    expect(await read({ kind: 'tcp', host: 'replica.test', port })).to.equal('hello');
    // On loopback a connection has a second before it is given up.
    expect(performance.now() - startedMs).to.be.within(245, 1000);
  });

  it('reports a refused connection by an event', async () => {
    const port = await listening(createServer());
    await (deferred.pop() as () => unknown)();
    const socket = dial({ kind: 'tcp', host: '127.0.0.1', port }, null, () => {});
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).to.equal('ECONNREFUSED');
  });

  it('by TLS asks for h2, by the name if there is one and by no address', async () => {
    const seen: Array<[string | false | null, string | false | null]> = [];
    const server = createTlsServer(
      { cert: localhostCertificate, key: localhostKey, ALPNProtocols: ['h2', 'http/1.1'] },
      (socket: TLSSocket & { servername?: string | false | null }) => {
        seen.push([socket.alpnProtocol, socket.servername ?? null]);
        socket.end();
      },
    );
    const port = await listening(server);
    const tls = { ca: localhostCertificate };
    for (const [host, more] of [
      ['localhost', {}],
      ['127.0.0.1', {}],
      ['127.0.0.1', { servername: 'localhost' }],
    ] as const) {
      const socket = dial({ kind: 'tcp', host, port }, { ...tls, ...more }, () => {});
      socket.resume();
      await once(socket, 'close');
    }
    expect(seen).to.deep.equal([
      ['h2', 'localhost'],
      ['h2', false],
      ['h2', 'localhost'],
    ]);
  });
});
