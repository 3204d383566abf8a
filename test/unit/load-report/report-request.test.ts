import { expect } from 'chai';
import fc from 'fast-check';
import { encodeReportRequest, reportStreamPath } from '../../../src/load-report/report-request.ts';
import { orcaService } from '../../support/protos.ts';

const { path, requestDeserialize } = orcaService.StreamCoreMetrics;

describe('load-report/report-request', () => {
  it('names the method as a protobuf library does, and asks for the interval', () => {
    expect(reportStreamPath).to.equal(path);
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 3_600_000 }), (periodMs) => {
        const { reportInterval } = requestDeserialize(encodeReportRequest(periodMs)) as {
          reportInterval: { seconds: string; nanos: number };
        };
        expect(Number(reportInterval.seconds) * 1000 + reportInterval.nanos / 1e6).to.equal(periodMs);
      }),
    );
  });
});
