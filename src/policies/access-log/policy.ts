import { requestTraffic } from '../../call/stage.ts';
import { number, toggle } from '../../schema/scalar-type.ts';
import { key, optionalSectionOrNone } from '../../schema/shape.ts';
import { definePolicy } from '../policy.ts';

/** Which requests of a route get a line in the access log, in place of `telemetry.accessLog.sample`. */
export const accessLog = definePolicy({
  key: 'accessLog',
  schema: optionalSectionOrNone(
    {
      doc: 'Which requests of the route get a line in the access log, or `none`: no request gets one, whatever becomes of it.',
      otherwise: 'as `telemetry.accessLog` says',
      example: '{ sample: 0.1 }',
    },
    {
      sample: key(number({ min: 0, max: 1, whole: false }), {
        required: true,
        doc: 'Part of the requests that get a line, chosen at random.',
      }),
      errors: key(toggle, {
        default: true,
        doc: 'Whether each request that counts as an error gets a line, whatever `sample` is; see admin.md, "What counts as an error".',
      }),
    },
  ),
  compile: (config) => ({
    policy: 'accessLog',
    appliesTo: requestTraffic,
    telemetry: { accessLog: config === 'none' ? { sample: 0, errors: false } : config },
  }),
});
