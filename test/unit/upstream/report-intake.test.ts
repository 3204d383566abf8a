import { expect } from 'chai';
import { type EndpointReport, unreported } from '../../../src/balancing/endpoint-report.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { Endpoint } from '../../../src/upstream/endpoint.ts';
import { ReportIntake } from '../../../src/upstream/report-intake.ts';
import { spec } from './cluster-rig.ts';

const reporting = (text: string) =>
  HeaderBlock.of([':status', '200'], ['endpoint-load-metrics', `TEXT ${text}`]);
const endpoint = () => new Endpoint(spec('10.0.0.1:1'), 0);

describe('upstream/report-intake', () => {
  it('notes a report with its time, and lets the policy learn from it', () => {
    const learned: Array<readonly [EndpointReport, number]> = [];
    const reported = (report: EndpointReport, nowMs: number) => void learned.push([report, nowMs]);
    const intake = new ReportIntake(
      { isNeeded: true, metricNames: ['named_metrics.queue'], reported },
      false,
    );
    const one = endpoint();
    const shown = intake.take(reporting('named_metrics.queue=0.5,rps_fractional=10'), one, 7);
    expect(shown.allFields.map(({ name }) => name)).to.deep.equal([':status']);
    expect(one.report).to.include({ atMs: 7, count: 1, utilization: 0.5, requestsPerSecond: 10 });
    expect(learned).to.deep.equal([[one.report, 7]]);
  });

  it('replaces a report as a whole, and makes it fresh again', () => {
    const intake = new ReportIntake(null, true);
    const one = endpoint();
    const block = reporting('eps=1,named_metrics.outrigger.in_flight=4');
    expect(intake.take(block, one, 1)).to.equal(block);
    one.report!.used = true;
    intake.take(reporting('cpu_utilization=0.5'), one, 2);
    const { errorsPerSecond, inFlight, utilization, used, count } = one.report!;
    expect([errorsPerSecond, inFlight, utilization, used, count]).to.deep.equal([
      unreported,
      unreported,
      0.5,
      false,
      2,
    ]);
  });

  it('keeps the latest report where the next is malformed, and lets no client see that', () => {
    const intake = new ReportIntake(null, false);
    const one = endpoint();
    intake.take(reporting('eps=1'), one, 1);
    const shown = intake.take(reporting('eps=lies'), one, 2);
    expect(one.report).to.include({ atMs: 1, errorsPerSecond: 1 });
    expect(shown.allFields).to.have.length(1);
  });
});
