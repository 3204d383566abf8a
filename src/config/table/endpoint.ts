import { address } from '../../schema/address-type.ts';
import { number, text } from '../../schema/scalar-type.ts';
import { key, section } from '../../schema/shape.ts';

/** One replica; `--to` reads its options by this too. */
export const endpointShape = section(
  { doc: 'Each endpoint is one replica of the service.', example: '{ address: 127.0.0.1:50051 }' },
  {
    address: key(address('connect'), {
      required: true,
      doc: '`host:port`, `[::1]:port` or `unix:/path`. Must be unique within the cluster.',
    }),
    weight: key(number({ min: 1, max: 1_000_000, whole: false }), {
      default: 1,
      doc: 'Share of the requests, relative to the other endpoints.',
    }),
    zone: key(text({ charsMax: 64, emptyAllowed: true }), {
      default: '',
      doc: 'Failure domain. Outrigger prefers endpoints in its own `zone`.',
    }),
    priority: key(number({ min: 0, max: 127 }), {
      default: 0,
      doc: 'Priority; Outrigger uses 0 first. Endpoints with a higher number get requests when less than 72% of the endpoints with lower numbers, by weight, are usable. They also get the retries of requests that failed at all lower numbers.',
    }),
  },
);
