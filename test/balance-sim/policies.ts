import { product } from './product.ts';

/** The policies of the product that several tables and the goals have. */

/** What the product does without configuration. */
export const ownCounts = product('least_request, own counts');
/** The same with reports, where they are accepted. */
export const sharedLoad = product('least_request, reports', { useReports: true });
export const peakEwma = product('peak_ewma', { policy: 'peak_ewma' });
/** With reports used from the first second on: runs last for seconds, so the blackout period of the default would be most of them. */
export const weightedRoundRobin = product('weighted_round_robin', {
  policy: 'weighted_round_robin',
  weightedRoundRobin: {
    blackoutPeriodMs: 500,
    weightExpirationPeriodMs: 180_000,
    weightUpdatePeriodMs: 100,
    errorUtilizationPenalty: 1,
    metricNamesForComputingUtilization: [],
  },
});
