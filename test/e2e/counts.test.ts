import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { SeededRandom } from '../../src/core/random.ts';
import { type Frame, type FramePeer, startFrameServer, Type } from '../support/frame-peer.ts';
import { connectRaw, grpcHead, grpcMessage } from '../support/raw-http2.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { freeAddresses } from '../support/sidecar-process.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const okFields = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
  ['grpc-status', '0'],
] as const;

describe('counts end with the attempt, whichever way it ends', () => {
  const { sidecar, defer } = rig();

  /** What a server does with one stream, by the draw of a number from 0 to 1. */
  const deeds: Array<readonly [string, (peer: FramePeer, id: number) => void]> = [
    ['answers', (peer, id) => peer.headers(id, okFields, true)],
    ['fails', (peer, id) => peer.headers(id, [...okFields.slice(0, 2), ['grpc-status', '13']], true)],
    ['resets', (peer, id) => peer.rst(id, 2)],
    ['refuses', (peer, id) => peer.rst(id, 7)],
    [
      'resets in the middle',
      (peer, id) => {
        peer.headers(id, okFields.slice(0, 2));
        peer.data(id, Buffer.alloc(100));
        peer.rst(id, 8);
      },
    ],
    ['says nothing', () => {}],
    ['goes away', (peer, id) => peer.goaway(Math.max(0, id - 2), 0)],
    ['hangs up', (peer) => void peer.socket.destroy()],
    ['breaks HTTP/2', (peer, id) => peer.headers(id, [['no-status', '1']], true)],
  ];

  it('a thousand calls that end in every way there is', async () => {
    const seed = randomInt(2 ** 31);
    const random = new SeededRandom(seed);
    const serve = (peer: FramePeer, frame: Frame): void => {
      if (frame.type !== Type.Headers) return;
      // The rude ones end other calls too, so they are rarer.
      const most = random.next() < 0.9 ? deeds.length - 3 : deeds.length;
      deeds[Math.floor(random.next() * most)][1](peer, frame.streamId);
    };
    const servers = [await startFrameServer(serve), await startFrameServer(serve)];
    for (const server of servers) defer(() => server.close());
    const [dead] = await freeAddresses(1);
    const endpoints = [...servers, { address: dead }];
    const proxy = await sidecar(greeterConfig(endpoints, { health: 'none', outlier: 'none' }));
    const clients = Array.from({ length: 4 }, () => connectRaw(proxy.target()));
    for (const client of clients) defer(() => client.close());

    const one = async (i: number): Promise<void> => {
      const client = clients[i % clients.length];
      // None is left to itself: a server that says nothing is ended by the deadline or by a cancel.
      const head = grpcHead('/a.B/C', { 'grpc-timeout': `${20 + Math.floor(random.next() * 80)}m` });
      const { stream, reply } = client.open(head);
      stream.write(grpcMessage(Buffer.alloc(Math.floor(random.next() * 1000))));
      if (random.next() < 0.8) stream.end();
      if (random.next() < 0.2) setTimeout(() => stream.close(8), random.next() * 20);
      await reply;
    };
    for (let batch = 0; batch < 20; batch++) await Promise.all(Array.from({ length: 50 }, (_, i) => one(i)));

    const active = (): number[] => [
      proxy.cluster().active,
      ...proxy
        .cluster()
        .all()
        .map((endpoint) => endpoint.active),
    ];
    await until(
      () => active().every((count) => count === 0),
      () => `${active().join(', ')} are still counted, seed ${seed}`,
    );
    const [listener] = (await (await fetch(`${proxy.adminUrl}/listeners?format=json`)).json()) as Array<{
      active: number;
      total: number;
    }>;
    expect([listener.active, listener.total], `seed ${seed}`).to.deep.equal([0, 1000]);
    const metrics = await (await fetch(`${proxy.adminUrl}/metrics`)).text();
    const sum = (name: string): number =>
      [...metrics.matchAll(new RegExp(`^${name}\\{.*\\} (\\d+)$`, 'gm'))].reduce(
        (all, [, n]) => all + Number(n),
        0,
      );
    expect(sum('rpc_server_call_duration_seconds_count'), `seed ${seed}`).to.equal(1000);
    expect(sum('rpc_client_call_duration_seconds_count'), `seed ${seed}`).to.be.at.least(800);
    expect(sum('outrigger_endpoint_active'), `seed ${seed}`).to.equal(0);
  });
});
