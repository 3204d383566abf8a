import { nameList } from '../../schema/name-list.ts';
import { duration, number } from '../../schema/scalar-type.ts';
import { key, section } from '../../schema/shape.ts';
import { balancerKind } from '../kind.ts';
import { weightLearner } from '../report-weight.ts';
import { weightedRoundRobin as byReports } from '../weighted-round-robin.ts';

const metricNames = nameList({
  label: 'list of metrics',
  itemsMax: 8,
  charsMax: 128,
  pattern: /^(named_metrics|utilization)\.[\x21-\x7e]+$/,
  write: 'named_metrics.NAME or utilization.NAME',
});

/** `weighted_round_robin`: round robin, weighted by reported load (gRFC A58). */
export const weightedRoundRobin = balancerKind({
  name: 'weighted_round_robin',
  doc: 'each endpoint in turn, weighted by the load that the endpoints report (ORCA, gRFC A58)',
  keys: {
    weightedRoundRobin: section(
      {
        doc: 'For `weighted_round_robin`: how load reports become weights, with the parameters of gRFC A58. The weight of an endpoint is `requests per second / (utilization + errors per second / requests per second × errorUtilizationPenalty)`, and at most ten times the median weight, and at least a tenth of it.',
      },
      {
        blackoutPeriod: key(duration({ min: '0s', max: '1h' }), {
          default: '10s',
          doc: 'How long an endpoint must report load before its weight is used: after it becomes usable, and after its weight has expired. Until then, the endpoint has the mean weight.',
        }),
        weightExpirationPeriod: key(duration({ min: '1s', max: '24h' }), {
          default: '3m',
          doc: 'Age of a load report at which its weight is no longer used.',
        }),
        weightUpdatePeriod: key(duration({ min: '100ms', max: '1h' }), {
          default: '1s',
          doc: 'How often the weights are recalculated.',
        }),
        errorUtilizationPenalty: key(number({ min: 0, max: 1000, whole: false }), {
          default: 1,
          doc: 'How much the error rate of an endpoint adds to its utilization. 0 ignores errors.',
        }),
        metricNamesForComputingUtilization: key(metricNames, {
          default: [],
          doc: 'Metrics (gRFC A114), such as `named_metrics.queue`: the greatest of them is the utilization if the endpoint reports no application utilization. If none of them is reported, the CPU utilization counts.',
        }),
      },
    ),
  },
  clientsChoose: true,
  reports: ({ weightedRoundRobin: settings }) => weightLearner(settings),
  create: ({ over, settings, random }) =>
    over((endpoints) => byReports(endpoints, settings.weightedRoundRobin, random)),
});
