import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { grpcFrame } from '../../../src/core/grpc-frames.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { loadReportBytesMax } from '../../../src/load-report/load-report.ts';
import { Endpoint } from '../../../src/upstream/endpoint.ts';
import { ReportStream } from '../../../src/upstream/report-stream.ts';
import { orcaService } from '../../support/protos.ts';
import { FakePool, type FakeStream } from '../call/call-rig.ts';
import { spec } from './cluster-rig.ts';

const okHead = HeaderBlock.of([':status', '200'], ['content-type', 'application/grpc']);
const status = (code: number, message = '') =>
  HeaderBlock.of(['grpc-status', String(code)], ['grpc-message', message]);
const framed = (utilization: number): Buffer =>
  grpcFrame(orcaService.StreamCoreMetrics.responseSerialize({ applicationUtilization: utilization }));

/** The stream of a usable endpoint, checked twice a second as the cluster does. */
function rig({ periodMs = 10_000, isUsable = true } = {}) {
  const clock = new VirtualClock();
  clock.advance(1000);
  const endpoint = new Endpoint(spec('10.0.0.1:50051'), 0);
  const pool = new FakePool();
  endpoint.pool = pool;
  endpoint.usableSinceMs = isUsable ? 0 : null;
  const reports: number[] = [];
  const refused: string[] = [];
  const stream = new ReportStream(endpoint, {
    ...{ clock, random: new SeededRandom(7), periodMs, authority: 'greeter:50051' },
    onReport: (message) => void reports.push(message.length),
    onRefused: (reason) => void refused.push(reason),
  });
  const pass = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.advance(500);
      stream.check(clock.now());
    }
  };
  const latest = (): FakeStream => pool.streams[pool.streams.length - 1];
  const send = (bytes: Buffer, last = false): void => latest().receiver!.data(bytes, 0, bytes.length, last);
  stream.check(clock.now());
  return { clock, endpoint, pool, stream, reports, refused, pass, latest, send };
}

describe('upstream/report-stream', () => {
  it('asks for reports at the period, on a connection that calls use too', () => {
    const { latest, stream } = rig();
    const [head] = latest().heads;
    const path = '/xds.service.orca.v3.OpenRcaService/StreamCoreMetrics';
    expect([head.method, head.get(':path'), head.get(':authority'), head.get(':scheme')]).to.deep.equal([
      'POST',
      path,
      'greeter:50051',
      'http',
    ]);
    const request = orcaService.StreamCoreMetrics.requestDeserialize(latest().body.subarray(5));
    expect(request).to.deep.include({ reportInterval: { seconds: '10', nanos: 0 } });
    expect(latest().said[1]).to.match(/^data \d+ last$/);
    expect(stream).to.include({ state: 'open', reason: '', isReporting: false });
  });

  it('hands on each report, and gives credit for its bytes', () => {
    const { latest, reports, send, stream } = rig();
    latest().receiver!.head(okHead, false);
    const both = Buffer.concat([framed(0.5), framed(0.25)]);
    send(both.subarray(0, 7));
    send(both.subarray(7));
    expect(reports).to.deep.equal([9, 9]);
    expect(latest().credit).to.equal(both.length);
    expect(stream.isReporting).to.equal(true);
  });

  it('waits until the endpoint is usable', () => {
    const { endpoint, pool, pass } = rig({ isUsable: false });
    pass(60_000);
    expect(pool.streams).to.have.length(0);
    endpoint.usableSinceMs = 61_000;
    pass(500);
    expect(pool.streams).to.have.length(1);
  });

  it('does not ask again where the server has no such service, until the endpoint came back', () => {
    const { endpoint, latest, pool, pass, refused, stream } = rig();
    latest().receiver!.head(HeaderBlock.of(...okHead.allFields.map(pair), ['grpc-status', '12']), true);
    expect(stream).to.include({ state: 'refused', reason: 'UNIMPLEMENTED' });
    pass(3_600_000);
    expect(pool.streams).to.have.length(1);
    expect(refused).to.deep.equal(['UNIMPLEMENTED']);
    endpoint.usableSinceMs = null;
    pass(500);
    endpoint.usableSinceMs = 3_700_000;
    pass(500);
    expect(pool.streams).to.have.length(2);
  });

  it('takes a server without the path for one without the service', () => {
    const { latest, stream } = rig();
    latest().receiver!.head(HeaderBlock.of([':status', '404']), false);
    expect(stream).to.include({ state: 'refused', reason: 'HTTP status 404' });
    expect(latest().said.at(-1)).to.equal('reset CANCEL');
  });

  const endings: ReadonlyArray<readonly [string, string, (stream: FakeStream) => void]> = [
    ['an error', 'UNAVAILABLE: going away', (s) => s.receiver!.trailers(status(14, 'going away'))],
    ['an end', 'the server ended the stream', (s) => s.receiver!.trailers(status(0))],
    ['a page', 'HTTP status 503', (s) => s.receiver!.head(HeaderBlock.of([':status', '503']), true)],
    [
      'a body without trailers',
      'the reply ended without a status',
      (s) => s.receiver!.data(Buffer.alloc(0), 0, 0, true),
    ],
    [
      'a lost connection',
      'the peer closed',
      (s) => s.receiver!.failed({ kind: 'closed', code: ErrorCode.NO_ERROR, message: 'the peer closed' }),
    ],
  ];
  for (const [name, reason, end] of endings)
    it(`after ${name} it is opened again, later each time, and soon once a report came`, () => {
      const { clock, latest, pool, pass, send, stream } = rig();
      const waits: number[] = [];
      for (let attempt = 1; attempt <= 12; attempt++) {
        end(latest());
        expect(stream).to.include({ state: 'idle', reason });
        const endedMs = clock.now();
        while (pool.streams.length === attempt) pass(500);
        waits.push(clock.now() - endedMs);
      }
      expect(waits[0]).to.be.within(800, 1700);
      expect(waits[5]).to.be.within(0.8 * 1000 * 1.6 ** 5, 1.2 * 1000 * 1.6 ** 5 + 500);
      expect(Math.max(...waits)).to.be.within(100_000, 144_500);
      latest().receiver!.head(okHead, false);
      send(framed(0.5));
      end(latest());
      pass(1700);
      expect(stream.state).to.equal('open');
    });

  it('an endpoint that cannot be connected to is tried with back-off', () => {
    const { pool, pass, stream } = rig({ isUsable: true });
    pool.atOnce = { code: 'connect_failed', message: 'no connection to 10.0.0.1:50051' };
    pool.streams[0].receiver!.trailers(status(14));
    pass(2000);
    expect(stream).to.include({ state: 'idle', reason: 'no connection to 10.0.0.1:50051' });
    pool.atOnce = 'grant';
    pass(4000);
    expect(stream.state).to.equal('open');
  });

  const wrong: ReadonlyArray<readonly [string, Buffer, string]> = [
    [
      'a message that is too long',
      grpcFrame(Buffer.alloc(loadReportBytesMax + 1)),
      `it sent a message of ${loadReportBytesMax + 1} bytes, which is no load report`,
    ],
    ['a compressed message', Buffer.of(1, 0, 0, 0, 1, 0), 'it sent a compressed message that cannot be read'],
    [
      'more than a hundred reports at once',
      Buffer.concat(Array.from({ length: 101 }, () => framed(0.5))),
      'it sent more than 100 reports at once',
    ],
  ];
  for (const [name, bytes, reason] of wrong)
    it(`${name} ends the stream, and the endpoint is asked again later`, () => {
      const { latest, pass, pool, reports, send, stream } = rig();
      latest().receiver!.head(okHead, false);
      send(bytes);
      expect(stream).to.include({ state: 'idle', reason });
      expect(latest().said.at(-1)).to.equal('reset CANCEL');
      expect(reports.length).to.be.at.most(100);
      pass(1700);
      expect(pool.streams).to.have.length(2);
    });

  it('goes to another connection at once where its own retires', () => {
    const { latest, pass, pool, stream } = rig();
    const before = latest();
    Object.assign(before, { isRetiring: true });
    pass(500);
    expect(before.said.at(-1)).to.equal('reset CANCEL');
    expect(pool.streams).to.have.length(2);
    expect(stream).to.include({ state: 'open', reason: '' });
  });

  it('gives up a stream that was silent for five minutes, or for three periods', () => {
    for (const [periodMs, silenceMs] of [
      [10_000, 300_000],
      [600_000, 1_800_000],
    ]) {
      const { latest, pass, stream } = rig({ periodMs });
      latest().receiver!.head(okHead, false);
      pass(silenceMs - 1000);
      expect(stream.state).to.equal('open');
      pass(1000);
      expect(stream).to.include({ state: 'idle', reason: `it sent no report for ${silenceMs / 1000} s` });
    }
  });

  it('ends when it is stopped, also while it waits for a connection', () => {
    const open = rig();
    open.stream.stop();
    expect(open.latest().said.at(-1)).to.equal('reset CANCEL');
    const connecting = rig({ isUsable: false });
    connecting.pool.atOnce = null;
    connecting.endpoint.usableSinceMs = 1;
    connecting.pass(500);
    expect(connecting.stream.state).to.equal('connecting');
    connecting.stream.stop();
    expect(connecting.pool).to.include({ cancelled: 1 });
    expect(connecting.pool.asked).to.have.length(0);
  });
});

function pair({ name, value }: { readonly name: string; readonly value: string }): readonly [string, string] {
  return [name, value];
}
