import { requestTraffic } from '../../call/stage.ts';
import { number, toggle } from '../../schema/scalar-type.ts';
import { key, optionalSectionOrNone } from '../../schema/shape.ts';
import { definePolicy } from '../policy.ts';

/** Which requests of a route get a line in the access log, in place of `telemetry.accessLog.sample`. */
export const accessLog = definePolicy({
  key: 'accessLog',
  schema: optionalSectionOrNone(
    {
      doc: 'Which requests of the route are written to the access log. `none` logs no request, not even errors.',
      otherwise: 'the setting of `telemetry.accessLog`',
      example: '{ sample: 0.1 }',
    },
    {
      sample: key(number({ min: 0, max: 1, whole: false }), {
        required: true,
        doc: 'Fraction of the requests that are logged, chosen at random.',
      }),
      errors: key(toggle, {
        default: true,
        doc: 'Logs every error, independent of `sample`; see admin.md, "What counts as an error".',
      }),
    },
  ),
  compile: (config) => ({
    policy: 'accessLog',
    appliesTo: requestTraffic,
    telemetry: { accessLog: config === 'none' ? { sample: 0, errors: false } : config },
  }),
});
