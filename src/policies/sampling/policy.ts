import { requestTraffic } from '../../call/stage.ts';
import { number } from '../../schema/scalar-type.ts';
import { key, optionalSectionOrNone } from '../../schema/shape.ts';
import { definePolicy } from '../policy.ts';

/** Which requests of a route are traced, in place of the share of `telemetry.traces.sampler`. */
export const sampling = definePolicy({
  key: 'sampling',
  schema: optionalSectionOrNone(
    {
      doc: 'Which requests of the route are traced, or `none`. With a `parentbased_…` sampler, the client still decides for requests that carry a trace context.',
      otherwise: 'the setting of `telemetry.traces`',
      example: '{ ratio: 0.5 }',
    },
    {
      ratio: key(number({ min: 0, max: 1, whole: false }), {
        required: true,
        doc: 'Fraction of the traces to record, by trace id.',
      }),
    },
  ),
  compile: (config) => ({
    policy: 'sampling',
    appliesTo: requestTraffic,
    telemetry: { samplingRatio: config === 'none' ? 0 : config.ratio },
  }),
});
