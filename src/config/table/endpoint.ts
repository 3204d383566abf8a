import { address } from '../../schema/address-type.ts';
import { number, text } from '../../schema/scalar-type.ts';
import { key, section } from '../../schema/shape.ts';

/** One replica; `--to` reads its options by this too. */
export const endpointShape = section(
  { doc: 'One replica.', example: '{ address: 127.0.0.1:50051 }' },
  {
    address: key(address('connect'), {
      required: true,
      doc: '`host:port`, `[::1]:port` or `unix:/path`; no two of a cluster are the same.',
    }),
    weight: key(number({ min: 1, max: 1_000_000, whole: false }), {
      default: 1,
      doc: 'Its share of the calls, relative to the others.',
    }),
    zone: key(text({ charsMax: 64, emptyAllowed: true }), {
      default: '',
      doc: 'Failure domain. Endpoints of the `zone` that Outrigger is in come first.',
    }),
    priority: key(number({ min: 0, max: 127 }), {
      default: 0,
      doc: '0 is used first. A higher number gets calls as less than 72% of the endpoints of the lower ones, by weight, are usable, and the attempts that all lower ones failed.',
    }),
  },
);
