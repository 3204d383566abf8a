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

const linkUrl = text({
  label: 'URL with {traceId}',
  charsMax: 1000,
  pattern: /^https?:\/\/[^\s/?#@"'<>\\]+[/?][^\s"'<>\\]*\{traceId\}[^\s"'<>\\]*$/,
  write: 'a URL with {traceId} in it, such as http://127.0.0.1:16686/trace/{traceId}',
});

const otlp = section(
  {
    doc: 'OTLP export of traces, and of metrics if `metrics.otlp` is on. Without `endpoint`, Outrigger exports nothing.',
    reload: 'restart',
  },
  {
    endpoint: key(url, {
      standardVariable: 'OTEL_EXPORTER_OTLP_ENDPOINT',
      otherwise: 'none: no export',
      doc: 'Base URL of an OTLP collector. For `http/protobuf`, Outrigger appends `/v1/traces` and `/v1/metrics`.',
    }),
    protocol: key(choice(['grpc', 'http/protobuf']), {
      default: 'http/protobuf',
      standardVariable: 'OTEL_EXPORTER_OTLP_PROTOCOL',
      doc: 'Protocol of the collector. The usual port is 4317 for `grpc` and 4318 for `http/protobuf`.',
    }),
  },
);

const traces = section(
  { doc: 'Tracing: one SERVER span for each request, and one CLIENT span for each attempt.' },
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
        doc: 'Which requests Outrigger records and exports. With `parentbased_…`, the client decides if it sends a trace context.',
      },
    ),
    ratio: key(number({ min: 0, max: 1, whole: false }), {
      default: 0.01,
      standardVariable: 'OTEL_TRACES_SAMPLER_ARG',
      doc: 'Fraction of the requests that `…traceidratio` records.',
    }),
    propagators: key(choices(['tracecontext', 'baggage', 'b3', 'b3multi', 'jaeger', 'none']), {
      default: ['tracecontext', 'baggage'],
      standardVariable: 'OTEL_PROPAGATORS',
      doc: 'Formats of the trace context: `traceparent` and `tracestate` headers (`tracecontext`), `b3`, `x-b3-…` (`b3multi`) or `uber-trace-id` (`jaeger`). `none` turns all of them off. Outrigger always forwards baggage.',
    }),
    linkUrl: key(linkUrl, {
      otherwise: 'none: no links',
      doc: 'URL of one trace in Jaeger, Zipkin, Tempo or another trace viewer, with `{traceId}` in place of the trace id. The live page, `/traces` and `/explain` link sampled calls to it.',
    }),
    otlp,
  },
);

const metrics = section(
  { doc: 'Counters and latency histograms, by method, status and endpoint.', reload: 'restart' },
  {
    otlp: key(toggle, { default: false, doc: 'Also exports metrics to the endpoint of `traces.otlp`.' }),
    prometheus: key(toggle, { default: true, doc: 'Serves `/metrics` on the admin address.' }),
    grpcCalls: key(toggle, {
      default: false,
      doc: 'Also shows whole calls under the names of gRFC A66, `grpc.server.call.*` and `grpc.client.call.duration`, for dashboards that use the metrics of gRPC. Each method then has up to twice as many series. Attempts always have their names of gRFC A66.',
    }),
    maxMethods: key(number({ min: 1, max: 100_000 }), {
      default: 200,
      doc: 'Maximum number of methods with their own time series. Further methods, methods with names over 256 characters, and methods that no endpoint implements share the series `other`, so that clients cannot create new series.',
    }),
  },
);

const accessLog = section(
  { doc: 'Access log: one line for each request.' },
  {
    format: key(choice(['json']), { default: 'json', doc: 'One JSON object per line.' }),
    to: key(accessLogTarget, {
      default: 'none',
      flag: 'access-log',
      flagDoc: 'where to write the access log, one line for each request',
      variable: 'OUTRIGGER_ACCESS_LOG',
      doc: 'Where Outrigger writes the access log. SIGUSR1 and SIGHUP reopen a file; see admin.md, "Rotate the access log".',
    }),
    sample: key(number({ min: 0, max: 1, whole: false }), {
      default: 1,
      doc: 'Fraction of the requests that are logged. Errors are always logged; see admin.md, "What counts as an error".',
    }),
  },
);

/** What Outrigger reports on the calls it carries. */
export const telemetry = section(
  { doc: 'Traces, metrics and access log of the requests that Outrigger forwards.', reload: 'live' },
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
        doc: 'Query parameters whose values are replaced by `REDACTED` in the access log, spans, error texts, `/traces`, `/explain` and the live page, also inside URLs in other values. `*` at the start of a name matches any prefix; letter case, `-` and `_` make no difference. Your list replaces the default list; `[]` shows every value. For status messages of endpoints, the default list always applies. Endpoints always get the original query.',
      },
    ),
  },
);
