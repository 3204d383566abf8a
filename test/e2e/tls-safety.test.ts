import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { readFileBounded } from '../../src/config/config-file.ts';
import { loadConfig } from '../../src/config/load.ts';
import { checkSafeRegex } from '../../src/routing/safe-regex.ts';
import { newAuthority } from '../support/certificates.ts';
import { FramePeer, Type } from '../support/frame-peer.ts';
import { connectRaw, grpcHead } from '../support/raw-http2.ts';
import { type ConfigShape, greeterConfig, type Sidecar } from '../support/sidecar.ts';
import { rig } from './rig.ts';

const authority = newAuthority();
const { ca, cert, key } = { ca: authority.cert, ...authority.issue(['localhost', '127.0.0.1']) };

describe('TLS that HTTP/2 does not allow', () => {
  const { sidecar, defer } = rig();
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'outrigger-e2e-'));
  });
  after(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const files = () => ({ cert: file('cert.pem', cert), key: file('key.pem', key) });

  /** A connection to the sidecar, and how it ended: the code of its error. */
  async function connected(proxy: Sidecar, options: ConnectionOptions) {
    const [, port] = proxy.target().split(':');
    const socket = connect({ host: 'localhost', port: Number(port), ca, ...options });
    defer(() => socket.destroy());
    const ended = new Promise<string>((resolve) => {
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)));
      socket.once('close', () => resolve('closed'));
    });
    await once(socket, 'secureConnect');
    return { socket, ended };
  }

  for (const [what, ALPNProtocols] of [
    ['HTTP/2', ['h2']],
    ['HTTP/1.1', ['http/1.1']],
    ['before its protocol is known', undefined],
  ] as const) {
    it(`a client that renegotiates TLS 1.2 loses its connection: ${what}`, async () => {
      const shape = greeterConfig([{ address: '127.0.0.1:9' }], { health: 'none' });
      const proxy = await sidecar({ ...shape, listeners: [{ ...shape.listeners![0], tls: files() }] });
      const alpn = ALPNProtocols === undefined ? {} : { ALPNProtocols: [...ALPNProtocols] };
      const { socket, ended } = await connected(proxy, { maxVersion: 'TLSv1.2', ...alpn });
      socket.resume();
      let renegotiated = false;
      socket.renegotiate({}, (error) => {
        renegotiated = error === null;
      });
      expect(await ended).to.equal('ERR_SSL_NO_RENEGOTIATION');
      expect(renegotiated).to.equal(false);
      // Others are served as before.
      await connected(proxy, { maxVersion: 'TLSv1.2', ...alpn });
    });
  }

  it('a server that renegotiates TLS 1.2 is refused, by calls and probes', async () => {
    const refusals: string[] = [];
    const sockets = new Set<TLSSocket>();
    const server = createTlsServer({ cert, key, maxVersion: 'TLSv1.2', ALPNProtocols: ['h2'] }, (socket) => {
      sockets.add(socket);
      socket.on('error', (error: NodeJS.ErrnoException) => {
        refusals.push(String(error.code));
        socket.destroy();
      });
      // Once HTTP/2 has begun.
      socket.once('data', () => socket.renegotiate({}, () => refusals.push('renegotiated')));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    defer(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    const address = `127.0.0.1:${(server.address() as { port: number }).port}`;
    const tls = { ca: file('ca.pem', ca) };
    const probed = await sidecar(greeterConfig([{ address }], { tls }));
    expect(probed.endpoint(address).health.status).to.equal('unhealthy');
    const probes = refusals.length;
    const proxy = await sidecar(greeterConfig([{ address }], { tls, health: 'none' }));
    const client = connectRaw(proxy.target());
    defer(() => client.close());
    const { headers } = await client.request(grpcHead('/a.B/C'));
    expect(headers['grpc-status']).to.equal('14');
    expect(refusals.length).to.be.greaterThan(probes);
    expect(new Set(refusals)).to.deep.equal(new Set(['ERR_SSL_NO_RENEGOTIATION']));
  });

  for (const [ciphers, expected] of [
    // With a certificate for ECDSA these are the suites without forward secrecy or authenticated encryption that are left.
    ['ECDHE-ECDSA-AES128-SHA256', 0xc],
    ['ECDHE-ECDSA-AES256-SHA', 0xc],
    ['ECDHE-ECDSA-AES128-GCM-SHA256', null],
    ['ECDHE-ECDSA-CHACHA20-POLY1305', null],
  ] as const) {
    it(`a client with ${ciphers} gets ${expected === null ? 'its calls' : 'INADEQUATE_SECURITY'}`, async () => {
      const shape = greeterConfig([{ address: '127.0.0.1:9' }], { health: 'none' });
      const proxy = await sidecar({ ...shape, listeners: [{ ...shape.listeners![0], tls: files() }] });
      const { socket } = await connected(proxy, { ciphers, maxVersion: 'TLSv1.2', ALPNProtocols: ['h2'] });
      const came = new Promise<number | null>((resolve) => {
        const peer = new FramePeer(socket, 'client', []);
        peer.onFrame = ({ type, payload }) => {
          if (type === Type.Goaway) resolve(payload.readUInt32BE(4));
          if (type === Type.Ping) resolve(null);
        };
        peer.send(Type.Ping, 0, 0, Buffer.alloc(8));
      });
      expect(await came).to.equal(expected);
      // HTTP/1.1 has no such rule.
      const [, port] = proxy.target().split(':');
      const status = await new Promise((resolve, reject) => {
        const request = https.get(
          { host: 'localhost', port, ca, ciphers, maxVersion: 'TLSv1.2', agent: false },
          (reply) => {
            reply.resume();
            resolve(reply.statusCode);
          },
        );
        request.on('error', reject);
      });
      expect(status).to.equal(503);
    });
  }

  it('an endpoint that chooses such a cipher is not used, and the reason is said', async () => {
    const ciphers = 'ECDHE-ECDSA-AES128-SHA256';
    const server = http2.createSecureServer({ cert, key, ciphers, maxVersion: 'TLSv1.2' });
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
    server.on('sessionError', () => {});
    server.on('tlsClientError', () => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    defer(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    const address = `127.0.0.1:${(server.address() as { port: number }).port}`;
    const tls = { ca: file('ca.pem', ca) };
    const said = `it chose the TLS cipher ${ciphers}, which HTTP/2 does not allow`;
    const probed = await sidecar(greeterConfig([{ address }], { tls }));
    expect(probed.endpoint(address).health.reason).to.equal(said);
    const proxy = await sidecar(greeterConfig([{ address }], { tls, health: 'none' }));
    const client = connectRaw(proxy.target());
    defer(() => client.close());
    const { headers } = await client.request(grpcHead('/a.B/C'));
    expect(headers['grpc-message']).to.contain(said);
  });
});

describe('a reload that changes only the authorities', () => {
  const { sidecar, defer } = rig();
  const other = newAuthority();

  async function reloadable(shape: ConfigShape) {
    const text = JSON.stringify({
      admin: { listen: '127.0.0.1:0' },
      drain: { grace: '2s', goawayDelay: '0s' },
      ...shape,
    });
    return sidecar(shape, {
      load: () =>
        loadConfig({
          flags: { config: 'outrigger.yaml' },
          env: {},
          checkRegex: checkSafeRegex,
          readFile: (path, bytesMax) =>
            path === 'outrigger.yaml' ? { value: Buffer.from(text) } : readFileBounded(path, bytesMax),
        }),
    });
  }
  function folder(): (name: string, text: string) => string {
    const path = mkdtempSync(join(tmpdir(), 'outrigger-e2e-'));
    defer(() => rmSync(path, { recursive: true }));
    return (name, text) => {
      writeFileSync(join(path, name), text);
      return join(path, name);
    };
  }

  it('of a cluster: the next connection is checked against the new ones, and none from before is used', async () => {
    const server = http2.createSecureServer({ cert, key }, (_request, response) => {
      const headers = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '0' };
      response.stream.respond(headers, { endStream: true });
    });
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => sockets.add(socket));
    server.on('tlsClientError', () => {});
    server.on('sessionError', () => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    defer(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    const write = folder();
    const address = `127.0.0.1:${(server.address() as { port: number }).port}`;
    const tls = { ca: write('ca.pem', ca) };
    const proxy = await reloadable(greeterConfig([{ address }], { tls, health: 'none', outlier: 'none' }));
    const client = connectRaw(proxy.target());
    defer(() => client.close());
    const call = async () => (await client.request(grpcHead('/a.B/C'))).headers['grpc-status'];
    expect(await call()).to.equal('0');
    for (const [trusted, expected] of [
      [other.cert, '14'],
      [ca, '0'],
    ]) {
      write('ca.pem', trusted);
      expect(await proxy.app.reload('the test')).to.deep.include({
        ok: true,
        changes: ['rebuilt cluster greeter'],
      });
      expect(await call()).to.equal(expected);
    }
  });

  it('of a listener: the next client certificate is checked against the new ones', async () => {
    const write = folder();
    const tls = {
      cert: write('cert.pem', cert),
      key: write('key.pem', key),
      clientCa: write('ca.pem', ca),
      requireClientCert: true,
    };
    const shape = greeterConfig([{ address: '127.0.0.1:9' }], { health: 'none' });
    const proxy = await reloadable({ ...shape, listeners: [{ ...shape.listeners![0], tls }] });
    const [, port] = proxy.target().split(':');
    /** Asks with a certificate of an authority, and resumes the session of the connection before. */
    let session: Buffer | undefined;
    const ask = (pair: { cert: string; key: string }) =>
      new Promise<string>((resolve) => {
        const socket: TLSSocket = connect({ host: 'localhost', port: Number(port), ca, ...pair, session });
        socket.on('session', (ticket) => {
          session = ticket;
        });
        socket.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)));
        socket.on('close', () => resolve('closed'));
        socket.once('data', (bytes: Buffer) => {
          resolve(bytes.toString('latin1', 0, 12));
          socket.destroy();
        });
        socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
      });
    const [ours, theirs] = [authority.issue(['client']), other.issue(['client'])];
    expect(await ask(ours)).to.equal('HTTP/1.1 503');
    write('ca.pem', other.cert);
    expect(await proxy.app.reload('the test')).to.deep.include({
      ok: true,
      changes: ['changed listener in'],
    });
    expect(await ask(ours)).to.match(/^(ERR_SSL.*|ECONNRESET|closed)$/);
    session = undefined;
    expect(await ask(theirs)).to.equal('HTTP/1.1 503');
  });
});
