import { replyTraffic } from '../../call/stage.ts';
import { constantField } from '../../core/field.ts';
import { formatSize } from '../../core/units.ts';
import { shown } from '../../schema/problem.ts';
import { duration, name, number, size } from '../../schema/scalar-type.ts';
import { key, optionalSection } from '../../schema/shape.ts';
import { definePolicy } from '../policy.ts';
import { MirrorCopy } from './copy.ts';
import { declareMirrorMetrics, MirrorRoute } from './mirror-route.ts';

/**
 * Marks a copy, so that the mirrored service can leave out what must not happen twice. The authority stays as it is: Envoy
 * appends `-shadow` to it, which breaks services that route or check certificates by host, and has an option against that.
 */
const markerName = 'x-outrigger-mirrored';

/** Copies of requests for another cluster, whose replies are discarded. */
export const mirror = definePolicy({
  key: 'mirror',
  schema: optionalSection(
    {
      doc: 'Sends a copy of requests to another cluster and discards the replies. A copy never delays or fails the original request. It has the header `x-outrigger-mirrored` with the name of the route. Outrigger does not copy a request that already has this header.',
      example: '{ cluster: next, percent: 10 }',
    },
    {
      cluster: key(name, { required: true, doc: 'Name of the cluster that gets the copies.' }),
      percent: key(number({ min: 0, max: 100, whole: false }), {
        default: 100,
        doc: 'Percentage of the requests to copy, chosen at random.',
      }),
      timeout: key(duration({ min: '1ms', max: '1h' }), {
        default: '15s',
        doc: 'Maximum time that a copy can take after the original request has finished.',
      }),
      maxCopies: key(number({ min: 1, max: 1_000_000 }), {
        default: 128,
        doc: 'Maximum number of copies in flight. Outrigger does not copy further requests.',
      }),
      bufferedBytes: key(size({ min: '1KiB', max: '64MiB' }), {
        default: '1MiB',
        doc: 'Maximum number of bytes to buffer for one copy because its endpoint has not read them. A copy that exceeds this is dropped.',
      }),
      totalBufferedBytes: key(size({ min: '1KiB', max: '1GiB' }), {
        default: '16MiB',
        doc: 'The same limit for all copies of the route together.',
      }),
    },
  ),

  check({ cluster, bufferedBytes, totalBufferedBytes }, { leadsTo, problem }) {
    if (cluster !== undefined && leadsTo.includes(cluster))
      problem(
        '.cluster',
        `${shown(cluster)} gets the requests of this route already, and would get them twice; write another cluster`,
      );
    if (bufferedBytes !== undefined && totalBufferedBytes !== undefined && bufferedBytes > totalBufferedBytes)
      problem(
        '.bufferedBytes',
        `"${formatSize(bufferedBytes)}" is more than totalBufferedBytes, which holds for all copies; write ${formatSize(totalBufferedBytes)} or less`,
      );
  },

  clusters: ({ cluster }) => [{ path: '.cluster', name: cluster }],

  metrics: declareMirrorMetrics,

  compile(config, { cluster: clusterOf, metrics, random, route }) {
    const { cluster, percent, timeoutMs, maxCopies, bufferedBytes, totalBufferedBytes } = config;
    if (percent === 0) return null;
    const limits = {
      copiesMax: maxCopies,
      bufferedBytesMax: bufferedBytes,
      bufferedBytesTotalMax: totalBufferedBytes,
      timeoutMs,
    };
    const shared = new MirrorRoute(clusterOf(cluster), constantField(markerName, route), limits, metrics);
    return {
      policy: 'mirror',
      appliesTo: replyTraffic,
      request(request) {
        if (percent < 100 && random.next() * 100 >= percent) return null;
        // A copy of a copy could come back to where it began, and multiply.
        if (request.requestHead.get(markerName) !== undefined) return null;
        // A policy of the user's own may have chosen the mirror cluster.
        if (request.cluster === shared.cluster) return null;
        if (shared.copies < maxCopies) new MirrorCopy(shared, request).begin();
        else {
          shared.countDropped(request, 'in_flight');
          shared.note(request, 'in_flight');
        }
        return null;
      },
    };
  },
});
