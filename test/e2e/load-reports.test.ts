import http from 'node:http';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { HeaderBlock } from '../../src/core/header-block.ts';
import { LoadReport } from '../../src/load-report/load-report.ts';
import { ReplyReports } from '../../src/load-report/reply-report.ts';
import { startHeaderServer } from '../support/header-server.ts';
import { type ConfigShape, greeterConfig } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const name = 'endpoint-load-metrics-bin';

/** A sidecar in front of one replica that reports the load of it. */
function inbound(replica: { readonly address: string }, cluster: Record<string, unknown> = {}): ConfigShape {
  const routes = [{ name: 'all', cluster: 'greeter' }];
  const listeners = [{ name: 'in', direction: 'inbound', listen: '127.0.0.1:0', reportLoad: true, routes }];
  return greeterConfig([replica], cluster, { listeners });
}

function readReport(header: string, value: string): LoadReport {
  const report = new LoadReport();
  new ReplyReports(['named_metrics.queue']).read(HeaderBlock.of([header, value]), report);
  return report;
}

const bytesOf = (metadata: grpc.Metadata): string => (metadata.get(name)[0] as Buffer).toString('base64');

function get(target: string): Promise<http.IncomingHttpHeaders> {
  return new Promise((resolve, reject) => {
    const request = http.get(`http://${target}/`, { agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.headers));
    });
    request.on('error', reject);
  });
}

describe('load reports, end to end', () => {
  const { greeter, sidecar, client, defer } = rig();

  it('go from an inbound listener to an outbound cluster that accepts them, and no further', async () => {
    const replica = await greeter({ delayMs: 5 });
    const reporter = await sidecar(inbound(replica, { limits: { perEndpoint: { maxRequests: 10 } } }));
    const seen = await client(reporter.target()).sayHello('x');
    expect(readReport(name, bytesOf(seen.trailers))).to.include({ inFlight: 0, limit: 10, application: 0 });
    const caller = await sidecar(
      greeterConfig([{ address: reporter.target() }], { loadReports: { accept: true } }),
    );
    const { code, trailers } = await client(caller.target()).sayHello('x');
    expect(code).to.equal(0);
    expect(trailers.get(name)).to.deep.equal([]);
    const report = caller.endpoint(reporter.target()).report!;
    expect(report).to.include({ count: 1, inFlight: 0, limit: 10 });
    expect(report.latencyMs).to.be.within(4, 1000);
  });

  it('count the requests of all clients', async () => {
    const replica = await greeter({ delayMs: 60_000 });
    const reporter = await sidecar(inbound(replica));
    for (let i = 0; i < 3; i++) void client(reporter.target()).sayHello('waits', { deadlineMs: 5000 });
    await until(
      () => replica.active === 3,
      () => `${replica.active} calls at the replica`,
    );
    replica.delayMs = 0;
    const { trailers } = await client(reporter.target()).sayHello('x');
    expect(readReport(name, bytesOf(trailers)).inFlight).to.equal(3);
  });

  it('reach clients where the cluster forwards them, and where it does not accept them', async () => {
    const reporter = await sidecar(inbound(await greeter()));
    for (const [loadReports, count] of [
      [{ accept: true, forward: true }, 1],
      [{ accept: false }, undefined],
      [undefined, undefined],
    ] as const) {
      const cluster = loadReports === undefined ? {} : { loadReports };
      const caller = await sidecar(greeterConfig([{ address: reporter.target() }], cluster));
      const { trailers } = await client(caller.target()).sayHello('x');
      expect(readReport(name, bytesOf(trailers)).inFlight).to.equal(0);
      expect(caller.endpoint(reporter.target()).report?.count).to.equal(count);
    }
  });

  it('keep what the replica reports of itself, and give it to nobody as ours', async () => {
    const replica = await greeter();
    const metadata = new grpc.Metadata();
    // application_utilization 0.25, named_metrics { queue: 4, outrigger.in_flight: 3 }
    const own = 'SQAAAAAAANA/QhAKBXF1ZXVlEQAAAAAAABBAQh4KE291dHJpZ2dlci5pbl9mbGlnaHQRAAAAAAAACEA=';
    metadata.set(name, Buffer.from(own, 'base64'));
    replica.failure = { code: grpc.status.NOT_FOUND, details: 'no such greeting', metadata };
    const reporter = await sidecar(inbound(replica));
    const { code, trailers } = await client(reporter.target()).sayHello('x');
    expect(code).to.equal(grpc.status.NOT_FOUND);
    expect(trailers.get(name)).to.have.length(1);
    expect(readReport(name, bytesOf(trailers))).to.include({ application: 0.25, named: 4, inFlight: 0 });
  });

  it('lead least_request to the replica with the fewest requests from other sidecars', async () => {
    const replicas = [await greeter({ delayMs: 60_000 }), await greeter()];
    const reporters = await Promise.all(replicas.map((replica) => sidecar(inbound(replica))));
    for (let i = 0; i < 6; i++) void client(reporters[0].target()).sayHello('waits', { deadlineMs: 20_000 });
    await until(
      () => replicas[0].active === 6,
      () => `${replicas[0].active} calls at the replica`,
    );
    replicas[0].delayMs = 0;
    const endpoints = reporters.map((reporter) => ({ address: reporter.target() }));
    for (const [useReports, mostCalls] of [
      [true, 2],
      [false, 20],
    ] as const) {
      const caller = await sidecar(
        greeterConfig(endpoints, { loadReports: { accept: true }, balancer: { useReports } }),
      );
      const { sayHello } = client(caller.target());
      for (let i = 0; i < 20; i++) await sayHello('x');
      const { success } = caller.endpoint(endpoints[0].address);
      expect(success, `useReports: ${useReports}`).to.be.at.most(mostCalls);
      const pick = String(caller.calls().at(-1)?.attempts[0].pick);
      expect(pick.includes('load reports'), pick).to.equal(useReports);
    }
  });

  it('decide the shares of weighted_round_robin, which accepts them without further configuration', async () => {
    const targets = await Promise.all(
      [0.25, 0.75].map(async (utilization) => {
        const server = await startHeaderServer({
          'endpoint-load-metrics': `TEXT cpu_utilization=${utilization}, rps_fractional=100`,
        });
        defer(() => server.close());
        return server;
      }),
    );
    const weightedRoundRobin = { blackoutPeriod: '0s', weightUpdatePeriod: '100ms' };
    const caller = await sidecar(
      greeterConfig(targets, {
        protocol: 'http1',
        health: 'none',
        balancer: { policy: 'weighted_round_robin', weightedRoundRobin },
      }),
    );
    const latestPick = (): string => String(caller.calls().at(-1)?.attempts[0].pick);
    await until(async () => {
      await get(caller.target());
      return latestPick().includes('75.0% of the picks by its load report');
    }, latestPick);
    const before = targets.map(({ seen }) => seen.length);
    for (let i = 0; i < 40; i++) await get(caller.target());
    const share = (targets[0].seen.length - before[0]) / 40;
    expect(share).to.be.closeTo(0.75, 0.06);
    const clusters = await fetch(`${caller.adminUrl}/clusters`, { headers: { accept: 'text/plain' } });
    expect(await clusters.text()).to.match(/reported .* ago: utilization 0.25, 100 requests\/s, weight 400/);
  });

  it('are a header of replies over HTTP/1.1', async () => {
    const server = await startHeaderServer();
    defer(() => server.close());
    const reporter = await sidecar(inbound(server, { protocol: 'http1', health: 'none' }));
    const header = (await get(reporter.target()))['endpoint-load-metrics'] as string;
    expect(header).to.match(/^BIN [A-Za-z0-9+/]+$/);
    expect(readReport('endpoint-load-metrics', header).inFlight).to.equal(0);
    const caller = await sidecar(
      greeterConfig([{ address: reporter.target() }], {
        protocol: 'http1',
        health: 'none',
        loadReports: { accept: true },
      }),
    );
    expect(await get(caller.target())).to.not.have.property('endpoint-load-metrics');
    expect(caller.endpoint(reporter.target()).report).to.include({ count: 1, inFlight: 0 });
  });
});
