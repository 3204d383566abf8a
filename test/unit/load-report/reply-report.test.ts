import { expect } from 'chai';
import * as fc from 'fast-check';
import { Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { RawField } from '../../../src/core/raw-field.ts';
import { LoadReport, loadReportMax, notReported } from '../../../src/load-report/load-report.ts';
import { findReport, ReplyReports, withoutReport } from '../../../src/load-report/reply-report.ts';

/** Encoded by google.golang.org/protobuf 1.36.11 from github.com/cncf/xds/go: every field of the definition. */
const ofGo =
  'CQAAAAAAAOA/EQAAAAAAANA/GAciDQoCZGIRAAAAAAAACEAqDgoDZ3B1EQAAAAAAAOg/MQAAAAAAIF5AOQAAAAAAAPg/Qh4KE291dHJpZ2dlci5pbl9mbGlnaHQRAAAAAAAAKEBCHwoUb3V0cmlnZ2VyLmxhdGVuY3lfbXMRAAAAAAAABEBCGgoPb3V0cmlnZ2VyLmxpbWl0EQAAAAAAAFBAQhAKBXF1ZXVlEQAAAAAAABBASQAAAAAAAOQ/';

const inTrailers = (value: string) =>
  HeaderBlock.of(['grpc-status', '0'], ['endpoint-load-metrics-bin', value]);
const inHead = (value: string) => HeaderBlock.of([':status', '200'], ['endpoint-load-metrics', value]);

/** As the HPACK decoder hands over a value that is new on its connection. */
function asRaw(name: string, value: string): HeaderBlock {
  const bytes = Buffer.from(`xx${value}yy`, 'latin1');
  const chunk = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
  const field = new RawField({ name, prefix: new Uint8Array(0) }, chunk, 2, value.length);
  return new HeaderBlock([field], HeaderBlock.of(['grpc-status', '0']));
}

function read(block: HeaderBlock, names: readonly string[] = []): LoadReport | null {
  const report = new LoadReport();
  return new ReplyReports(names).read(block, report) ? report : null;
}

describe('load reports in replies', () => {
  for (const [form, block] of [
    ['a string', inTrailers(ofGo)],
    ['bytes of a connection', asRaw('endpoint-load-metrics-bin', ofGo)],
    ['padded base64', inTrailers(`${ofGo}${'='.repeat((4 - (ofGo.length % 4)) % 4)}`)],
    ['a header of HTTP', inHead(`BIN ${ofGo}`)],
    ['a header of HTTP as bytes', asRaw('endpoint-load-metrics', `BIN ${ofGo}`)],
  ] as const)
    it(`reads every field that Go encodes, from ${form}`, () => {
      const report = read(block, ['named_metrics.queue', 'utilization.gpu']);
      expect(report).to.deep.include({
        application: 0.625,
        cpu: 0.5,
        memory: 0.25,
        requestsPerSecond: 120.5,
        errorsPerSecond: 1.5,
        inFlight: 12,
        latencyMs: 2.5,
        limit: 64,
        named: 4,
      });
    });

  it('reads text and JSON, and passes over unknown names', () => {
    const parts = { application: 0.5, requestsPerSecond: 10, errorsPerSecond: 1, inFlight: 3, named: 0.4 };
    const names = ['named_metrics.queue'];
    for (const value of [
      'TEXT application_utilization=0.5, rps_fractional=10,eps=1, named_metrics.queue=0.4, named_metrics.outrigger.in_flight=3, other=1',
      'TEXT application_utilization:0.5,rps_fractional:10,eps:1,named_metrics.queue:0.4,named_metrics.outrigger.in_flight:3',
      'JSON {"application_utilization":0.5,"rps_fractional":10,"eps":1,"named_metrics":{"queue":0.4,"outrigger.in_flight":3},"x":"y"}',
      'JSON {"applicationUtilization":0.5,"rpsFractional":10,"eps":1,"namedMetrics":{"queue":0.4,"outrigger.in_flight":3}}',
    ]) {
      expect(read(inHead(value), names), value).to.deep.include(parts);
      expect(read(asRaw('endpoint-load-metrics', value), names), value).to.deep.include(parts);
    }
  });

  it('takes the utilization of the application before named metrics, and those before the processor', () => {
    const names = ['named_metrics.a', 'named_metrics.b'];
    const of = (text: string) => read(inHead(`TEXT ${text}`), names)!.utilization;
    expect(of('application_utilization=0.2,named_metrics.a=0.9,cpu_utilization=0.5')).to.equal(0.2);
    expect(of('named_metrics.a=0.7,named_metrics.b=0.9,cpu_utilization=0.95')).to.equal(0.9);
    expect(of('cpu_utilization=0.5')).to.equal(0.5);
    expect(of('cpu_utilization=0,eps=1')).to.equal(notReported);
  });

  it('limits what a replica may claim, and ignores what is no number', () => {
    const report = read(
      inHead(
        'TEXT application_utilization=1e300,rps_fractional=1e300,eps=-4,named_metrics.outrigger.in_flight=1e300',
      ),
    )!;
    expect(report).to.deep.include({
      application: loadReportMax.utilization,
      requestsPerSecond: loadReportMax.perSecond,
      errorsPerSecond: notReported,
      inFlight: loadReportMax.inFlight,
    });
    const message = Buffer.concat([Buffer.from([0x31]), Buffer.alloc(8)]);
    for (const [value, expected] of [
      [Number.NaN, notReported],
      [Number.NEGATIVE_INFINITY, notReported],
      [Number.POSITIVE_INFINITY, loadReportMax.perSecond],
    ]) {
      message.writeDoubleLE(value, 1);
      const got = read(inTrailers(message.toString('base64')));
      expect(got?.requestsPerSecond ?? notReported).to.equal(expected);
    }
  });

  for (const [what, block] of [
    ['no report', HeaderBlock.of(['grpc-status', '0'])],
    ['an empty one', inTrailers('')],
    ['no base64', inTrailers('CTMz!zMzM9M/')],
    ['a lone character of base64', inTrailers('CTMzM')],
    ['a message that ends inside a number', inTrailers('CTMzMzM')],
    ['a length beyond the message', inTrailers(Buffer.from([0x42, 0x7f, 1]).toString('base64'))],
    ['a length of 2^35', inTrailers(Buffer.from([0x42, 255, 255, 255, 255, 127]).toString('base64'))],
    ['a group', inTrailers(Buffer.from([0x0b, 0x0c]).toString('base64'))],
    ['more than is read', inTrailers('A'.repeat(4000))],
    ['another format', inHead('XML <load/>')],
    ['text without values', inHead('TEXT cpu_utilization')],
    ['text with two values', inHead('TEXT cpu_utilization=1=2')],
    ['text that is no number', inHead('TEXT cpu_utilization=Infinity')],
    ['text with 65 entries', inHead(`TEXT ${'a=1,'.repeat(64)}b=1`)],
    ['broken JSON', inHead('JSON {"eps":')],
    ['JSON that is a list', inHead('JSON [1]')],
  ] as const)
    it(`has no report from ${what}`, () => {
      expect(read(block)).to.equal(null);
    });

  it('stays within its bounds, and throws nothing, whatever bytes arrive', () => {
    const block = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => inTrailers(Buffer.from(bytes).toString('base64'))),
      fc.string({ unit: 'binary', maxLength: 200 }).map((text) => asRaw('endpoint-load-metrics-bin', text)),
      fc.string({ unit: 'binary', maxLength: 200 }).map((text) => inHead(`TEXT ${text}`)),
      fc.json().map((text) => inHead(`JSON ${text}`)),
      fc
        .tuple(fc.nat(ofGo.length - 1), fc.constantFrom('A', '/', '8', 'f'))
        .map(([at, c]) => inTrailers(ofGo.slice(0, at) + c + ofGo.slice(at + 1))),
    );
    const bounds = { ...loadReportMax, all: loadReportMax.inFlight };
    fc.assert(
      fc.property(block, (given) => {
        const report = read(given, ['named_metrics.queue']);
        if (report === null) return;
        const { application, cpu, memory, named, ...others } = report;
        for (const value of [application, cpu, memory, named])
          expect(value === notReported || (value >= 0 && value <= bounds.utilization)).to.equal(true);
        for (const value of Object.values(others))
          expect(value === notReported || (value >= 0 && value <= bounds.all)).to.equal(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('removes reports of every name, and nothing else', () => {
    const others = HeaderBlock.of(['grpc-status', '0'], ['x-id', '7']);
    const field = new Field('endpoint-load-metrics-bin', ofGo);
    expect(withoutReport(others)).to.equal(others);
    expect(withoutReport(new HeaderBlock([field], others)), 'the base itself').to.equal(others);
    const mixed = new HeaderBlock([field, new Field('x-more', '1')], inHead('TEXT eps=1'));
    expect(withoutReport(mixed).allFields.map(({ name }) => name)).to.deep.equal([':status', 'x-more']);
    expect(findReport(withoutReport(mixed))).to.equal(null);
  });
});
