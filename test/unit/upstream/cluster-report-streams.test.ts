import { expect } from 'chai';
import { grpcFrame } from '../../../src/core/grpc-frames.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import type { Logger } from '../../../src/core/logger.ts';
import { beginLease } from '../../support/leases.ts';
import { orcaService } from '../../support/protos.ts';
import { clusterRig, spec } from './cluster-rig.ts';

const policy = 'weighted_round_robin';
const loadReports = { outOfBand: { periodMs: 10_000 } };
const okHead = HeaderBlock.of([':status', '200'], ['content-type', 'application/grpc']);
const inReply = HeaderBlock.of([':status', '200'], ['endpoint-load-metrics', 'TEXT eps=3']);
const address = '10.0.0.1:1';

const streamsOf = (rig: ReturnType<typeof clusterRig>, endpoint = address) =>
  rig.pools.get(endpoint)!.streams;

/** The endpoint reports on its stream. */
function report(rig: ReturnType<typeof clusterRig>, load: object): void {
  const receiver = streamsOf(rig).at(-1)!.receiver!;
  const bytes = grpcFrame(orcaService.StreamCoreMetrics.responseSerialize(load));
  receiver.head(okHead, false);
  receiver.data(bytes, 0, bytes.length, false);
}

describe('streams of load reports of a cluster', () => {
  it('are opened to each endpoint, and are not calls', () => {
    const rig = clusterRig({ balancer: { policy }, settings: { loadReports } });
    rig.publish([spec(address), spec('10.0.0.2:1')]);
    expect(streamsOf(rig), 'as the endpoint comes').to.have.length(0);
    rig.clock.advance(500);
    expect([streamsOf(rig).length, streamsOf(rig, '10.0.0.2:1').length]).to.deep.equal([1, 1]);
    expect(rig.cluster.all().map(({ active, total }) => [active, total])).to.deep.equal([
      [0, 0],
      [0, 0],
    ]);
    expect(rig.cluster.active).to.equal(0);
    rig.cluster.stop();
  });

  it('feed what a reply would, and come before the reports in replies while they are there', () => {
    const rig = clusterRig({ balancer: { policy }, settings: { loadReports } });
    rig.publish([spec(address)]);
    rig.clock.advance(500);
    const [endpoint] = rig.cluster.all();
    beginLease(rig.cluster, endpoint).withoutReport(inReply);
    expect(endpoint.report, 'none has come on the stream').to.include({ count: 1, errorsPerSecond: 3 });
    rig.clock.advance(7);
    report(rig, { applicationUtilization: 0.5, rpsFractional: 100 });
    const streamed = {
      count: 2,
      utilization: 0.5,
      requestsPerSecond: 100,
      weight: 200,
      atMs: rig.clock.now(),
    };
    expect(endpoint.report).to.include(streamed);
    const shown = beginLease(rig.cluster, endpoint).withoutReport(inReply);
    expect(endpoint.report, 'the reply changes nothing').to.include(streamed);
    expect(shown.allFields, 'and its report goes no further').to.have.length(1);
    rig.pools.get(address)!.atOnce = null;
    streamsOf(rig)[0].receiver!.trailers(HeaderBlock.of(['grpc-status', '14']));
    beginLease(rig.cluster, endpoint).withoutReport(inReply);
    expect(endpoint.report).to.include({ count: 3, errorsPerSecond: 3 });
    rig.cluster.stop();
  });

  it('are accepted with any policy, but not against `accept: false`, nor from HTTP/1.1', () => {
    for (const [settings, streams] of [
      [{ loadReports }, 1],
      [{ loadReports: { ...loadReports, accept: false } }, 0],
      [{ loadReports, protocol: 'http1' }, 0],
      [{ loadReports: { accept: true } }, 0],
    ] as const) {
      const rig = clusterRig({ settings });
      rig.publish([spec(address)]);
      rig.clock.advance(5000);
      expect(streamsOf(rig), JSON.stringify(settings)).to.have.length(streams);
      rig.cluster.stop();
    }
  });

  it('end with the endpoint, before its connections drain, and with the cluster', () => {
    const rig = clusterRig({ settings: { loadReports } });
    rig.publish([spec(address), spec('10.0.0.2:1')]);
    rig.clock.advance(500);
    rig.publish([spec('10.0.0.2:1')]);
    expect(streamsOf(rig)[0].said.at(-1)).to.equal('reset CANCEL');
    rig.cluster.stop();
    expect(streamsOf(rig, '10.0.0.2:1')[0].said.at(-1)).to.equal('reset CANCEL');
    rig.clock.advance(60_000);
    expect(streamsOf(rig, '10.0.0.2:1')).to.have.length(1);
  });

  it('begin, change their period and end with a reload', () => {
    const rig = clusterRig();
    const { settings } = rig.cluster;
    rig.publish([spec(address)]);
    rig.clock.advance(1000);
    expect(streamsOf(rig)).to.have.length(0);
    rig.cluster.reconfigure({ ...settings, loadReports }, null);
    rig.clock.advance(500);
    rig.cluster.reconfigure({ ...settings, loadReports: { ...loadReports, forward: true } }, null);
    rig.clock.advance(500);
    expect(streamsOf(rig), 'another key').to.have.length(1);
    rig.cluster.reconfigure({ ...settings, loadReports: { outOfBand: { periodMs: 30_000 } } }, null);
    rig.clock.advance(500);
    expect(streamsOf(rig).map(({ said }) => said.at(-1))).to.deep.equal(['reset CANCEL', 'data 11 last']);
    rig.cluster.reconfigure(settings, null);
    expect(streamsOf(rig)[1].said.at(-1)).to.equal('reset CANCEL');
    expect(rig.cluster.all()[0].reportStream).to.equal(null);
    rig.cluster.stop();
  });

  it('one warning says that endpoints have no such service', () => {
    const warnings: unknown[] = [];
    const silent = (): void => {};
    const logger = { info: silent, warn: (_: string, facts: unknown) => warnings.push(facts) };
    const rig = clusterRig({ settings: { loadReports }, deps: { logger: logger as unknown as Logger } });
    rig.publish([spec(address), spec('10.0.0.2:1')]);
    rig.clock.advance(500);
    const refusal = HeaderBlock.of(
      [':status', '200'],
      ['grpc-status', '12'],
      ['grpc-message', 'unknown service'],
    );
    for (const one of [address, '10.0.0.2:1']) streamsOf(rig, one)[0].receiver!.head(refusal, true);
    expect(warnings).to.deep.equal([{ endpoint: address, reason: 'UNIMPLEMENTED: unknown service' }]);
    rig.cluster.stop();
  });
});
