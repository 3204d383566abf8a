import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { judgesRealTime } from '../support/real-time.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { rig } from './rig.ts';

describe('adaptiveConcurrency, end to end', function () {
  judgesRealTime(this, 'latencies of a server that takes 20 ms are compared');
  const { sidecar, defer } = rig();

  /** A server that works on four requests at a time, 20 ms each; the others wait. */
  async function slowServer(): Promise<{ address: string }> {
    const queue: Array<() => void> = [];
    let busy = 0;
    const work = (response: http.ServerResponse): void => {
      busy++;
      setTimeout(() => {
        busy--;
        response.end('done');
        queue.shift()?.();
      }, 20);
    };
    const server = http.createServer((_request, response) => {
      if (busy < 4) work(response);
      else queue.push(() => work(response));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    defer(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    return { address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  it('holds the latency of an overloaded server down, recovers, and does so again', async () => {
    const adaptiveConcurrency = { initialLimit: 50 };
    const cluster = { protocol: 'http1', adaptiveConcurrency, outlier: { consecutiveErrors: 2 } };
    const proxy = await sidecar(greeterConfig([await slowServer()], cluster));
    const { limiter } = proxy.cluster();
    /** Clients that each send one request after another. */
    const load = async (clients: number, durationMs: number) => {
      const seen = { latencies: [] as number[], overloaded: 0, other: 0 };
      const untilMs = performance.now() + durationMs;
      const client = async (): Promise<void> => {
        while (performance.now() < untilMs) {
          const startedMs = performance.now();
          const reply = await fetch(`http://${proxy.target()}/`);
          await reply.arrayBuffer();
          if (reply.status === 200) seen.latencies.push(performance.now() - startedMs);
          else {
            if (reply.headers.get('x-outrigger-error') === 'overloaded') seen.overloaded++;
            else seen.other++;
            // Refusals must not keep this process busy, in which client and server are too.
            await new Promise((resolve) => setTimeout(resolve, 150));
          }
        }
      };
      await Promise.all(Array.from({ length: clients }, client));
      const median = seen.latencies.sort((a, b) => a - b)[seen.latencies.length >> 1];
      return { ...seen, median };
    };
    for (const time of ['first', 'second']) {
      await load(60, 2500);
      const overload = await load(60, 1500);
      expect(overload.overloaded, time).to.be.above(0);
      expect(overload.other, time).to.equal(0);
      // Sixty at a time without a limit would wait for fifteen rounds of 20 ms.
      expect(overload.median, time).to.be.below(200);
      const shrunk = limiter!.limit;
      expect(shrunk, time).to.be.below(40);
      const calm = await load(4, 1500);
      expect([calm.overloaded, calm.other], time).to.deep.equal([0, 0]);
      expect(limiter!.limit, time).to.be.at.least(Math.min(shrunk, 8));
    }
    // Refusals are none of the endpoint's.
    const [endpoint] = proxy.cluster().all();
    expect([endpoint.error, endpoint.unusableBecause]).to.deep.equal([0, '']);
    const metrics = await (await fetch(`${proxy.adminUrl}/metrics`)).text();
    const value = (name: string) =>
      Number(
        new RegExp(`^outrigger_concurrency_${name}\\{outrigger_cluster="greeter"\\} (.*)$`, 'm').exec(
          metrics,
        )?.[1],
      );
    expect(value('limit')).to.equal(limiter!.limit);
    expect(value('in_flight')).to.equal(0);
    expect(value('refused_total')).to.equal(limiter!.refused);
    expect(value('base_latency_seconds')).to.be.within(0.015, 0.2);
  });
});
