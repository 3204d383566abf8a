import { expect } from 'chai';
import * as fc from 'fast-check';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import {
  LoadReport,
  loadReportBytesMax,
  loadReportMax,
  notReported,
} from '../../../src/load-report/load-report.ts';
import { ReplyReports } from '../../../src/load-report/reply-report.ts';
import { ReportWriter } from '../../../src/load-report/report-writer.ts';

const name = { name: 'endpoint-load-metrics-bin', prefix: new Uint8Array(0) };
const http = { name: 'endpoint-load-metrics', prefix: new Uint8Array(0) };

function reportOf(parts: Partial<LoadReport>): LoadReport {
  return Object.assign(new LoadReport(), parts);
}

function readBack(value: string): LoadReport {
  const report = new LoadReport();
  new ReplyReports(['named_metrics.queue']).read(HeaderBlock.of([name.name, value]), report);
  return report;
}

describe('the writer of load reports', () => {
  it('writes what the decoder of Go reads', () => {
    const writer = new ReportWriter(name, '');
    writer.begin(null);
    const report = reportOf({
      application: 0.5,
      requestsPerSecond: 100,
      errorsPerSecond: 2,
      inFlight: 3,
      latencyMs: 1.5,
      limit: 6,
    });
    const field = writer.finish(report, false);
    // google.golang.org/protobuf 1.36.11 unmarshals it to these values.
    expect(field.value).to.equal(
      'SQAAAAAAAOA/MQAAAAAAAFlAOQAAAAAAAABAQh4KE291dHJpZ2dlci5pbl9mbGlnaHQRAAAAAAAACEBCHwoUb3V0cmlnZ2VyLmxhdGVuY3lfbXMRAAAAAAAA+D9CGgoPb3V0cmlnZ2VyLmxpbWl0EQAAAAAAABhA',
    );
    expect(Buffer.from(field.value, 'base64').length).to.equal(120);
  });

  it('writes only what is known', () => {
    const writer = new ReportWriter(name, '');
    writer.begin(null);
    expect(readBack(writer.finish(reportOf({ inFlight: 0 }), false).value)).to.deep.equal(
      reportOf({ inFlight: 0 }),
    );
  });

  it('adds to the report of the replica itself, and leaves its metrics as they are', () => {
    const writer = new ReportWriter(name, '');
    // application_utilization 0.25, named_metrics { queue: 4, outrigger.in_flight: 3 }
    const replicas = Buffer.from(
      'SQAAAAAAANA/QhAKBXF1ZXVlEQAAAAAAABBAQh4KE291dHJpZ2dlci5pbl9mbGlnaHQRAAAAAAAACEA',
      'base64',
    );
    writer.begin(replicas);
    const merged = readBack(writer.finish(reportOf({ application: 0.9, inFlight: 12 }), true).value);
    expect(merged).to.deep.include({ application: 0.25, named: 4, inFlight: 12, latencyMs: notReported });
  });

  it('has room for its own metrics behind the largest report of a replica', () => {
    const writer = new ReportWriter(name, '');
    writer.begin(new Uint8Array(loadReportBytesMax));
    const full = reportOf({
      application: 1,
      requestsPerSecond: 1,
      errorsPerSecond: 1,
      inFlight: 1,
      latencyMs: 1,
      limit: 1,
    });
    expect(Buffer.from(writer.finish(full, false).value, 'base64').length).to.equal(loadReportBytesMax + 120);
  });

  it('reads back what it wrote, over many chunks', () => {
    const writer = new ReportWriter(http, 'BIN ');
    const value = (max: number) => fc.option(fc.double({ min: 0, max, noNaN: true }), { nil: notReported });
    const reports = fc.record({
      application: value(loadReportMax.utilization),
      requestsPerSecond: value(loadReportMax.perSecond),
      inFlight: value(loadReportMax.inFlight),
      latencyMs: value(loadReportMax.latencyMs),
      limit: value(loadReportMax.inFlight),
    });
    const kept: Array<readonly [field: ReturnType<ReportWriter['finish']>, report: LoadReport]> = [];
    fc.assert(
      fc.property(reports, (parts) => {
        writer.begin(null);
        kept.push([writer.finish(reportOf(parts), false), reportOf(parts)]);
      }),
      { numRuns: 200 },
    );
    const report = new LoadReport();
    for (const [field, written] of kept) {
      new ReplyReports().read(new HeaderBlock([field]), report);
      expect(report).to.deep.equal(written);
    }
  });
});
