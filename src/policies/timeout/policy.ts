import { allTraffic } from '../../call/stage.ts';
import { duration } from '../../schema/scalar-type.ts';
import { key } from '../../schema/shape.ts';
import { definePolicy } from '../policy.ts';

/** How long a whole request may take. The shorter of this and the client's `grpc-timeout` counts. */
export const timeout = definePolicy({
  key: 'timeout',
  schema: key(duration({ min: '1ms' }), {
    otherwise: 'none: a stream lasts until the client or the endpoint ends it',
    doc: 'Maximum time for the whole request, including retries. Outrigger also honours the `grpc-timeout` of the client; the shorter of the two applies.',
  }),
  compile: (timeoutMs) => ({ policy: 'timeout', appliesTo: allTraffic, timeoutMs }),
});
