import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { startFrameServer, Type } from '../support/frame-peer.ts';
import { grpcMessage } from '../support/raw-http2.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { rig } from './rig.ts';

const { status } = grpc;
const bare = { health: 'none', outlier: 'none', balancer: { policy: 'round_robin' } };

const get = async (url: string): Promise<string> => (await fetch(url)).text();

describe('retries by policy, with real ends', () => {
  const { greeter, sidecar, client: grpcClient, defer } = rig();

  function shape(replicas: ReadonlyArray<{ readonly address: string }>, route: object, more: object = {}) {
    const config = greeterConfig(replicas, bare, more as Record<string, unknown>);
    const routes = [{ name: 'all', cluster: 'greeter', ...route }];
    return { ...config, listeners: [{ name: 'in', listen: '127.0.0.1:0', routes }] };
  }

  it('UNAVAILABLE of one replica is no failure of the service, and /explain says what happened', async () => {
    const [bad, good] = [await greeter({ name: 'bad' }), await greeter({ name: 'good' })];
    bad.failure = { code: status.UNAVAILABLE, details: 'not now' };
    const proxy = await sidecar(shape([bad, good], { retry: { on: ['unavailable'], attempts: 2 } }));
    const client = grpcClient(proxy.target());
    for (let i = 0; i < 20; i++) {
      const { code, replies } = await client.sayHello('x');
      expect([code, replies[0]?.replica]).to.deep.equal([status.OK, 'good']);
    }
    expect(bad.calls).to.be.at.least(5);
    expect(good.calls).to.equal(20);
    const retried = proxy.calls().find(({ attempts }) => attempts.length === 2)!;
    expect(good.lastMetadata).not.to.equal(null);
    const text = await get(`${proxy.adminUrl}/explain/${retried.id}`);
    expect(text).to.match(/then: UNAVAILABLE: retried after [\d.]+ ms/);
    const metrics = await get(`${proxy.adminUrl}/metrics`);
    expect(metrics).to.match(
      /outrigger_retries_total\{.*outrigger_reason="retry",outrigger_outcome="success"\} \d+/,
    );
  });

  it('a status behind a head is retried before a message came, and not after one', async () => {
    const head = [
      [':status', '200'],
      ['content-type', 'application/grpc'],
    ] as const;
    let messages = 0;
    const server = await startFrameServer((peer, frame) => {
      if (frame.type !== Type.Headers) return;
      peer.headers(frame.streamId, head, false);
      for (let i = 0; i < messages; i++) peer.data(frame.streamId, grpcMessage(Buffer.alloc(0)), false);
      peer.headers(frame.streamId, [['grpc-status', '14']], true);
    });
    defer(() => server.close());
    const good = await greeter();
    const proxy = await sidecar(shape([server, good], { retry: { on: ['unavailable'] } }));
    const client = grpcClient(proxy.target());
    for (let i = 0; i < 6; i++) expect((await client.sayHello('x')).code).to.equal(status.OK);
    messages = 1;
    const codes: number[] = [];
    for (let i = 0; i < 2; i++) codes.push((await client.sayHello('x')).code);
    expect(codes).to.have.members([status.OK, status.UNAVAILABLE]);
    const failed = proxy.calls().find(({ grpcStatus }) => grpcStatus === status.UNAVAILABLE)!;
    expect(failed.attempts.map(({ verdict }) => verdict)).to.deep.equal([
      'not retried: a message was already forwarded',
    ]);
  });

  it('a client that waits for the head before it sends anything gets it', async () => {
    const head = [
      [':status', '200'],
      ['content-type', 'application/grpc'],
    ] as const;
    const server = await startFrameServer((peer, frame) => {
      if (frame.type === Type.Headers) peer.headers(frame.streamId, head, false);
    });
    defer(() => server.close());
    // Far longer than the test has: the hold is for clients that have sent all they have to say.
    const proxy = await sidecar(shape([server], { retry: { on: ['unavailable'], headHold: '10s' } }));
    const { call, result } = grpcClient(proxy.target()).openBidi();
    await once(call, 'metadata');
    call.on('data', () => {});
    call.cancel();
    expect((await result).code).to.equal(status.CANCELLED);
  });

  it('a hedge overtakes a slow replica, which is cancelled', async () => {
    const [slow, quick] = [await greeter({ name: 'slow', delayMs: 5000 }), await greeter({ name: 'quick' })];
    const proxy = await sidecar(shape([slow, quick], { hedge: { delay: '30ms' } }));
    const client = grpcClient(proxy.target());
    for (let i = 0; i < 10; i++) {
      const { code, replies } = await client.sayHello('x');
      expect([code, replies[0]?.replica]).to.deep.equal([status.OK, 'quick']);
    }
    expect(slow.calls).to.be.at.least(1);
    expect(proxy.cluster().retries).to.equal(0);
  });

  it('a rate limit and faults are answered for, and counted by route', async () => {
    const replica = await greeter();
    const route = {
      rateLimit: { requests: 1, per: '1h', burst: 2 },
      fault: { abort: { percent: 100, grpcStatus: 'aborted' } },
    };
    const proxy = await sidecar(shape([replica], route));
    const client = grpcClient(proxy.target());
    const codes: number[] = [];
    for (let i = 0; i < 4; i++) codes.push((await client.sayHello('x')).code);
    const { ABORTED, RESOURCE_EXHAUSTED } = status;
    expect(codes).to.deep.equal([ABORTED, ABORTED, RESOURCE_EXHAUSTED, RESOURCE_EXHAUSTED]);
    expect(replica.calls).to.equal(0);
    const metrics = await get(`${proxy.adminUrl}/metrics`);
    expect(metrics).to.contain(
      'outrigger_rate_limited_total{outrigger_listener="in",outrigger_route="all"} 2',
    );
    expect(metrics).to.contain(
      'outrigger_faults_total{outrigger_listener="in",outrigger_route="all",outrigger_fault="abort"} 2',
    );
  });

  it('HTTP/1.1 replicas: a 503 with a body is dropped and the request sent again, whole', async () => {
    const bodies: string[] = [];
    const servers = [503, 200].map((code) =>
      createServer((request, reply) => {
        let body = '';
        request.on('data', (piece: Buffer) => {
          body += piece.toString();
        });
        request.on('end', () => {
          bodies.push(`${code} ${body}`);
          reply.writeHead(code).end(`said with ${code}`);
        });
      }),
    );
    for (const server of servers) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      defer(() => server.close().closeAllConnections());
    }
    const replicas = servers.map((server) => ({
      address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    }));
    const config = shape(replicas, { retry: { on: ['gateway-error'] } });
    const [cluster] = config.clusters as Array<Record<string, unknown>>;
    const proxy = await sidecar({ ...config, clusters: [{ ...cluster, protocol: 'http1' }] });
    for (let i = 0; i < 6; i++) {
      const reply = await fetch(`http://${proxy.target()}/x`, { method: 'POST', body: `order ${i}` });
      expect([reply.status, await reply.text()]).to.deep.equal([200, 'said with 200']);
    }
    const good = bodies.filter((body) => body.startsWith('200'));
    expect(good).to.deep.equal([0, 1, 2, 3, 4, 5].map((i) => `200 order ${i}`));
    const bad = bodies.filter((body) => body.startsWith('503'));
    expect(bad).to.have.length.above(1);
    expect(bad.every((body) => /^503 order \d$/.test(body))).to.equal(true);
  });
});
