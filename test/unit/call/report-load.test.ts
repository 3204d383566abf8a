import { expect } from 'chai';
import type { Peer } from '../../../src/call/peer.ts';
import { reportLoad } from '../../../src/call/report-load.ts';
import type { RequestView } from '../../../src/call/stage.ts';
import { VirtualClock } from '../../../src/core/clock.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { LoadReport } from '../../../src/load-report/load-report.ts';
import { findReport, ReplyReports } from '../../../src/load-report/reply-report.ts';
import { Endpoint } from '../../../src/upstream/endpoint.ts';
import { spec } from '../upstream/cluster-rig.ts';

const trailers = HeaderBlock.of(['grpc-status', '0']);
const head = HeaderBlock.of([':status', '200'], ['content-type', 'application/grpc']);

function rig(traffic: 'grpc' | 'http' = 'grpc', endpointLimit = 0) {
  const clock = new VirtualClock();
  const endpoint = new Endpoint(spec('10.0.0.1:1'), clock.now());
  endpoint.active = 4;
  const stage = reportLoad();
  const request = (peer: Peer): RequestView =>
    ({
      traffic,
      clock,
      peer,
      cluster: { endpointLimit },
      record: { headMs: clock.now(), attempts: [{ startedMs: clock.now() - 20 }] },
    }) as unknown as RequestView;
  const newPeer = (): Peer => ({ address: '10.0.0.9', port: 1 });
  return { clock, endpoint, stage, request, newPeer };
}

function reportOf(block: unknown): LoadReport | null {
  const report = new LoadReport();
  return new ReplyReports().read(block as HeaderBlock, report) ? report : null;
}

describe('call/report-load', () => {
  it('adds the load of the replica behind the trailers of a gRPC reply, which stay the block that they were', () => {
    const { stage, request, newPeer, endpoint } = rig();
    expect(stage.reply!(request(newPeer()), head, endpoint), 'a head that trailers follow').to.equal(head);
    const shown = stage.trailers!(request(newPeer()), trailers, endpoint) as HeaderBlock;
    expect(shown.base).to.equal(trailers);
    expect(shown.fields.map(({ name }) => name)).to.deep.equal(['endpoint-load-metrics-bin']);
    expect(reportOf(shown)).to.include({ inFlight: 3, latencyMs: 20, limit: -1, application: -1 });
  });

  it('adds it to a gRPC reply without a body, and to the head of any other reply', () => {
    const only = rig();
    const failed = HeaderBlock.of([':status', '200'], ['grpc-status', '5']);
    expect(reportOf(only.stage.reply!(only.request(only.newPeer()), failed, only.endpoint))).to.not.equal(
      null,
    );
    const web = rig('http', 8);
    const shown = web.stage.reply!(web.request(web.newPeer()), head, web.endpoint) as HeaderBlock;
    expect(findReport(shown)!.value).to.match(/^BIN /);
    expect(reportOf(shown)).to.include({ inFlight: 3, limit: 8, application: 3 / 8 });
    expect(web.stage.trailers!(web.request(web.newPeer()), trailers, web.endpoint)).to.equal(trailers);
  });

  it('gives a connection 16 reports at once after a pause, then one in 5 ms', () => {
    const { stage, request, newPeer, endpoint, clock } = rig();
    const [a, b] = [newPeer(), newPeer()];
    const has = (peer: Peer): boolean =>
      reportOf(stage.trailers!(request(peer), trailers, endpoint)) !== null;
    const burst = Array.from({ length: 18 }, () => has(a));
    expect(burst).to.deep.equal([...Array(16).fill(true), false, false]);
    expect(has(b), 'another connection').to.equal(true);
    clock.advance(4.9);
    expect(has(a)).to.equal(false);
    clock.advance(0.2);
    expect([has(a), has(a)]).to.deep.equal([true, false]);
    clock.advance(1000);
    expect(
      Array.from({ length: 18 }, () => has(a)),
      'as at first',
    ).to.deep.equal(burst);
  });

  it('gives a busy connection 200 reports per second', () => {
    const { stage, request, newPeer, endpoint, clock } = rig();
    const peer = newPeer();
    let reports = 0;
    for (let i = 0; i < 10_000; i++) {
      clock.advance(0.1);
      if (reportOf(stage.trailers!(request(peer), trailers, endpoint)) !== null) reports++;
    }
    expect(reports).to.be.within(200, 216);
  });

  it('has nothing to say of a reply that Outrigger gives itself', () => {
    const { stage, request, newPeer } = rig('http');
    expect(stage.reply!(request(newPeer()), head, null)).to.equal(head);
    expect(stage.trailers!(request(newPeer()), trailers, null)).to.equal(trailers);
  });

  it('leaves a report in text as the replica wrote it', () => {
    const { stage, request, newPeer, endpoint } = rig('http');
    const own = HeaderBlock.of([':status', '200'], ['endpoint-load-metrics', 'TEXT cpu_utilization=0.5']);
    expect(stage.reply!(request(newPeer()), own, endpoint)).to.equal(own);
  });
});
