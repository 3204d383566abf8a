import { allTraffic } from '../../call/stage.ts';
import { duration } from '../../schema/scalar-type.ts';
import { key } from '../../schema/shape.ts';
import { definePolicy } from '../policy.ts';

/** How long a whole request may take. The shorter of this and the client's `grpc-timeout` counts. */
export const timeout = definePolicy({
  key: 'timeout',
  schema: key(duration({ min: '1ms' }), {
    otherwise: 'none: a stream lives as long as its ends do',
    doc: 'How long the whole call may take. `grpc-timeout` of the client is always honoured; the shorter one counts.',
  }),
  compile: (timeoutMs) => ({ policy: 'timeout', appliesTo: allTraffic, timeoutMs }),
});
