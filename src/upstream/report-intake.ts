import { reportLearner } from '../balancing/build.ts';
import { EndpointReport, unreported } from '../balancing/endpoint-report.ts';
import type { LatencyEstimator } from '../balancing/latency.ts';
import type { ReportLearner } from '../balancing/report-learner.ts';
import type { BalancerSettings } from '../balancing/settings.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import { LoadReport } from '../load-report/load-report.ts';
import { ReplyReports, withoutReport } from '../load-report/reply-report.ts';
import type { Endpoint } from './endpoint.ts';

export interface LoadReportSettings {
  /** Use the reports in replies; if not given, where the balancing policy learns from them. */
  readonly accept?: boolean;
  /** Clients get the reports as well. */
  readonly forward?: boolean;
  /** Asks the endpoints to stream reports; off if not given. */
  readonly outOfBand?: { readonly periodMs: number };
}

/** Reports count where something learns from them, or where they are accepted to be shown; null where they are not taken. */
export function reportIntake(balancer: BalancerSettings, settings?: LoadReportSettings): ReportIntake | null {
  const learner = reportLearner(balancer);
  const isUsed =
    learner?.isNeeded === true || balancer.zoneSpill === true || settings?.outOfBand !== undefined;
  return (settings?.accept ?? isUsed) ? new ReportIntake(learner, settings?.forward === true) : null;
}

/** Takes the load reports of a cluster that accepts them, out of replies and from streams. */
export class ReportIntake {
  /** Learns from answers; null where nothing does. */
  readonly estimator: LatencyEstimator | null;
  readonly learner: ReportLearner | null;
  private readonly forward: boolean;
  private readonly replies: ReplyReports;
  private readonly latest = new LoadReport();

  constructor(learner: ReportLearner | null, forward: boolean) {
    this.learner = learner;
    this.estimator = learner?.estimator ?? null;
    this.forward = forward;
    this.replies = new ReplyReports(learner?.metricNames);
  }

  /**
   * Notes the report in a head or in trailers with the endpoint, unless the endpoint streams its reports: the two may not say the
   * same things, and a policy would see now these, now those. Returns what the client gets of the block.
   */
  take(block: HeaderBlock, endpoint: Endpoint, nowMs: number): HeaderBlock {
    const isStreamed = endpoint.reportStream?.isReporting === true;
    if (!isStreamed && this.replies.read(block, this.latest))
      this.note(this.latest, endpoint, endpoint.active - 1, nowMs);
    return this.forward ? block : withoutReport(block);
  }

  /** Notes a report that came on a stream; what is no report changes nothing. */
  takeStreamed(message: Uint8Array, endpoint: Endpoint, nowMs: number): void {
    if (this.replies.readMessage(message, this.latest))
      this.note(this.latest, endpoint, endpoint.active, nowMs);
  }

  /** `own` are our requests among those in flight: the replica leaves out the one whose reply brings the report. */
  private note(latest: LoadReport, endpoint: Endpoint, own: number, nowMs: number): void {
    endpoint.report ??= new EndpointReport();
    const { report } = endpoint;
    report.atMs = nowMs;
    report.count++;
    report.used = false;
    report.utilization = latest.utilization;
    report.requestsPerSecond = latest.requestsPerSecond;
    report.errorsPerSecond = latest.errorsPerSecond;
    report.inFlight = latest.inFlight;
    report.others = latest.inFlight < 0 ? unreported : Math.max(0, latest.inFlight - own);
    report.latencyMs = latest.latencyMs;
    report.limit = latest.limit;
    this.learner?.reported(report, nowMs, endpoint);
  }
}
