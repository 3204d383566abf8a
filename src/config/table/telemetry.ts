import { sensitiveParametersDefault } from '../../core/query-redaction.ts';
import { nameList } from '../../schema/name-list.ts';
import { choice, choices, number, text, toggle } from '../../schema/scalar-type.ts';
import { key, section } from '../../schema/shape.ts';
import { accessLogTarget } from '../access-log-target.ts';

const url = text({
  label: 'URL',
  pattern: /^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/,
  write: 'a URL, such as http://127.0.0.1:4318',
});

const otlp = section(
  {
    doc: 'Where traces (and metrics, if `metrics.otlp` is on) are sent. Nothing is sent without an endpoint.',
    reload: 'restart',
  },
  {
    endpoint: key(url, {
      standardVariable: 'OTEL_EXPORTER_OTLP_ENDPOINT',
      otherwise: 'nothing is sent',
      doc: 'Base URL of an OTLP collector; `/v1/traces` and `/v1/metrics` are added for `http/protobuf`.',
    }),
    protocol: key(choice(['grpc', 'http/protobuf']), {
      default: 'http/protobuf',
      standardVariable: 'OTEL_EXPORTER_OTLP_PROTOCOL',
      doc: 'How the collector is spoken to: usually port 4317 for `grpc`, 4318 for `http/protobuf`.',
    }),
  },
);

const traces = section(
  { doc: 'Spans: one of kind SERVER for each call, one of kind CLIENT for each attempt.' },
  {
    sampler: key(
      choice([
        'always_on',
        'always_off',
        'traceidratio',
        'parentbased_always_on',
        'parentbased_always_off',
        'parentbased_traceidratio',
      ]),
      {
        default: 'parentbased_traceidratio',
        standardVariable: 'OTEL_TRACES_SAMPLER',
        doc: 'Which calls are recorded, where spans are exported. With `parentbased_…` the client decides, if it sent a trace context.',
      },
    ),
    ratio: key(number({ min: 0, max: 1, whole: false }), {
      default: 0.01,
      standardVariable: 'OTEL_TRACES_SAMPLER_ARG',
      doc: 'Part of the calls that `…traceidratio` records.',
    }),
    propagators: key(choices(['tracecontext', 'baggage', 'b3', 'b3multi', 'jaeger', 'none']), {
      default: ['tracecontext', 'baggage'],
      standardVariable: 'OTEL_PROPAGATORS',
      doc: 'Headers that carry the trace context: `traceparent` and `tracestate`, `b3`, `x-b3-…`, `uber-trace-id`. `none` switches all of them off. Baggage always passes.',
    }),
    otlp,
  },
);

const metrics = section(
  { doc: 'Counts and durations, by method, status and endpoint.', reload: 'restart' },
  {
    otlp: key(toggle, { default: false, doc: 'Sends metrics to the endpoint of `traces.otlp` too.' }),
    prometheus: key(toggle, { default: true, doc: 'Serves `/metrics` on the admin address.' }),
    maxMethods: key(number({ min: 1, max: 100_000 }), {
      default: 200,
      doc: 'Methods that get their own series. Further ones, those with names over 256 characters, and those that no replica implements are counted together as `other`, so that clients cannot make up series.',
    }),
  },
);

const accessLog = section(
  { doc: 'A line for each call.' },
  {
    format: key(choice(['json']), { default: 'json', doc: 'One JSON object a line.' }),
    to: key(accessLogTarget, {
      default: 'none',
      flag: 'access-log',
      flagDoc: 'where a line for each call goes',
      variable: 'OUTRIGGER_ACCESS_LOG',
      doc: 'Where the lines go.',
    }),
    sample: key(number({ min: 0, max: 1, whole: false }), {
      default: 1,
      doc: 'Part of the calls that get a line. Calls that count as errors always do; see admin.md, "What counts as an error".',
    }),
  },
);

/** What Outrigger reports on the calls it carries. */
export const telemetry = section(
  { doc: 'What Outrigger reports of the calls it carries.', reload: 'live' },
  {
    serviceName: key(text({ charsMax: 255 }), {
      default: 'outrigger',
      variable: 'OUTRIGGER_SERVICE_NAME',
      standardVariable: 'OTEL_SERVICE_NAME',
      doc: '`service.name` of traces and metrics.',
      reload: 'restart',
    }),
    traces,
    metrics,
    accessLog,
    redactQuery: key(
      nameList({
        label: 'list of parameter names',
        itemsMax: 200,
        charsMax: 64,
        pattern: /^\*?[A-Za-z0-9_.-]+$/,
        write: 'the name of a query parameter, such as token, or "*_token" for every name that ends so',
      }),
      {
        default: sensitiveParametersDefault,
        doc: 'Query parameters whose values the access log, spans, error texts, `/traces`, `/explain` and the page show as `REDACTED`, also in URLs within a value. `*` stands for any beginning; letter case, `-` and `_` make no difference. A list of your own replaces the default; `[]` shows every value. In what upstreams say of their status, the default list applies. Replicas always get the query as it came.',
      },
    ),
  },
);
