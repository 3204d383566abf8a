import type { LoadReportSnapshot, ReportStreamSnapshot } from './load-report-snapshot.ts';
import { durationText, rateText } from './quantities.ts';

/** What an endpoint reported of its load, and how old that is: `reported 40.0 ms ago: 3 of 10 in flight, 2.50 ms`. */
export function loadReportText(report: LoadReportSnapshot): string {
  const { inFlight, limit, latencyMs, utilization, requestsPerSecond, errorsPerSecond, weight } = report;
  const most = limit === null ? '' : ` of ${tidy(limit)}`;
  const parts = [
    inFlight === null ? '' : `${tidy(inFlight)}${most} in flight`,
    latencyMs === null ? '' : durationText(latencyMs),
    utilization === null ? '' : `utilization ${tidy(utilization)}`,
    requestsPerSecond === null ? '' : `${rateText(requestsPerSecond)} requests/s`,
    errorsPerSecond === null || errorsPerSecond === 0 ? '' : `${rateText(errorsPerSecond)} errors/s`,
    weight === null ? '' : `weight ${tidy(weight)}`,
  ];
  return `reported ${durationText(report.ageMs)} ago: ${parts.filter((part) => part !== '').join(', ')}`;
}

/** Why an endpoint that should stream its load does not; '' where it does, or where nothing has failed yet. */
export function reportStreamText({ state, reason }: ReportStreamSnapshot): string {
  if (state === 'refused') return `does not stream load reports (${reason})`;
  return reason === '' ? '' : `no stream of load reports: ${reason}`;
}

function tidy(value: number): string {
  return String(Math.round(value * 100) / 100);
}
