import { product } from './product.ts';
import { wf } from './rivals/wf.ts';

/** The policies of the product that several tables and the goals have. */

/** What the product does without configuration, where no replica reports its load or reports are not used. */
export const ownCounts = product('least_request, own counts');
/** The same with reports. */
export const sharedLoad = wf;
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
