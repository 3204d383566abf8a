import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { until } from '../support/until.ts';
import { localhostCertificate, localhostKey } from '../unit/health/localhost-certificate.ts';
import { cpuMs, rssMiB } from './support/process-usage.ts';
import { connectPeer, connectSocket, RawPeer } from './support/raw-peer.ts';
import { attackRig } from './support/rig.ts';
import { block, frame, grpcRequest, headers, paths, preface, settings, Type } from './support/wire.ts';

const handshakeTimeoutMs = 800;
const rssMaxMiB = 256;

/** What each of a hundred connections sends, an octet every so often, without ever coming to an end. */
const drips: ReadonlyArray<readonly [name: string, octets: Buffer]> = [
  ['nothing at all', Buffer.alloc(0)],
  ['the head of an HTTP/1.1 request', Buffer.from(`GET / HTTP/1.1\r\nhost: a\r\nx-a: ${'b'.repeat(1000)}`)],
  ['an HTTP/1.1 field after the other', Buffer.from(`GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(200)}`)],
  ['the HTTP/2 preface', preface],
  [
    'SETTINGS that are never whole',
    Buffer.concat([preface, Buffer.from([0, 0x3f, 0xff, 4, 0, 0, 0, 0, 0]), Buffer.alloc(1000)]),
  ],
  [
    'a HEADERS frame',
    Buffer.concat([
      preface,
      settings(),
      headers(1, block(...grpcRequest(paths.hello, ['x-a', 'b'.repeat(1000)]))),
    ]),
  ],
  [
    'a header section',
    Buffer.concat([preface, settings(), frame(Type.Headers, 0, 1, block(...grpcRequest(paths.hello)))]),
  ],
];

/** The beginning of a TLS ClientHello: a record of 512 octets, and hardly any of them. */
const clientHello = Buffer.concat([Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]), Buffer.alloc(400, 7)]);

describe('attack: slow clients', () => {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-attack-'));
  const cert = join(folder, 'cert.pem');
  const key = join(folder, 'key.pem');
  writeFileSync(cert, localhostCertificate);
  writeFileSync(key, localhostKey);
  after(() => rmSync(folder, { recursive: true }));

  const limits = { handshakeTimeout: `${handshakeTimeoutMs}ms`, maxConnections: 12_000 };
  const rig = attackRig({
    limits,
    listeners: [
      {
        name: 'tls',
        listen: '127.0.0.1:0',
        tls: { cert, key },
        limits,
        routes: [{ name: 'all', cluster: 'greeter' }],
      },
    ],
  });

  for (const [name, octets] of drips) {
    it(`slowloris, ${name}: a hundred connections are closed within the handshake timeout`, () =>
      rig.withBystander(rssMaxMiB, () => drip(rig.target, octets, 100)));
  }

  it('slowloris, a TLS ClientHello: a hundred connections are closed within the handshake timeout', () =>
    rig.withBystander(rssMaxMiB, async () => {
      await drip(rig.targetOf('tls'), clientHello, 50);
      await drip(rig.targetOf('tls'), Buffer.alloc(0), 50);
    }));

  it('10,000 idle connections: held within 32 KiB each, and they cost nothing', async () => {
    const { pid } = rig.program;
    const limit = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }));
    const count = Math.min(10_000, Number.isNaN(limit) ? 10_000 : limit - 1000);
    const before = rssMiB(pid);
    const peers: RawPeer[] = [];
    rig.defer(() => {
      for (const peer of peers) peer.destroy();
    });
    const connectAll = async (): Promise<void> => {
      while (peers.length < count) {
        const batch = Array.from({ length: 100 }, () => connectPeer(rig.target));
        peers.push(...(await Promise.all(batch)));
      }
      await until(
        () => peers.every((peer) => peer.counts[Type.Settings] > 0),
        () => `${peers.filter((peer) => peer.counts[Type.Settings] > 0).length} of ${count} were greeted`,
        10_000,
      );
    };
    // While they come nobody else fails; once they are there nobody notices.
    await rig.withBystander(rssMaxMiB + 400, connectAll, false);
    expect(((rssMiB(pid) - before) * 1024) / count, 'KiB each').to.be.at.most(32);
    await rig.withBystander(rssMaxMiB + 400, async () => {
      const cpuBefore = cpuMs(pid);
      await sleep(1000);
      expect(cpuMs(pid) - cpuBefore, 'CPU in a second, beside 200 calls').to.be.at.most(600);
    });
    expect(peers.filter(({ closed }) => closed)).to.deep.equal([]);
  }).timeout(60_000);
});

/** Connections that send octet after octet; resolves when all have been closed by the other side. */
async function drip(target: string, octets: Buffer, count: number): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: count }, () => connectSocket(target)));
  const peers = sockets.map((socket) => new RawPeer(socket, 'client', { mute: true }));
  // At once all that is fine by itself; then an octet at a time, slow enough never to get there.
  const atOnce = Math.max(0, octets.length - 1000);
  for (const peer of peers) if (atOnce > 0) peer.send(octets.subarray(0, atOnce));
  const startedMs = performance.now();
  for (let at = atOnce; peers.some((peer) => !peer.closed); at++) {
    if (at < octets.length - 1)
      for (const peer of peers) if (!peer.closed) peer.send(octets.subarray(at, at + 1));
    const open = peers.filter((peer) => !peer.closed).length;
    expect(performance.now() - startedMs, `${open} are still open`).to.be.at.most(
      handshakeTimeoutMs * 4 + 4000,
    );
    await sleep(50);
  }
}
