import type { AccessLogTarget } from './access-log.ts';
import type { PropagatorName } from './propagation.ts';
import type { SamplerName } from './sampler.ts';

export type OtlpProtocol = 'grpc' | 'http/protobuf';

/** The `telemetry:` block of the configuration, defaults applied. */
export interface TelemetrySettings {
  /** `service.name` of traces and metrics. */
  readonly serviceName: string;
  readonly traces: {
    readonly sampler: SamplerName;
    /** For the `traceidratio` samplers, 0 to 1. */
    readonly ratio: number;
    readonly propagators: readonly PropagatorName[];
    /** URL of one trace, with `{traceId}` in it. */
    readonly linkUrl?: string;
    readonly otlp: {
      /** Base URL of a collector; '' or undefined where none is configured. */
      readonly endpoint?: string;
      readonly protocol?: OtlpProtocol;
    };
  };
  readonly metrics: {
    readonly otlp: boolean;
    readonly prometheus: boolean;
    readonly maxMethods: number;
    /** Whole calls under the names of gRFC A66 as well; false where not given. */
    readonly grpcCalls?: boolean;
  };
  readonly accessLog: {
    readonly format: 'json';
    readonly to: AccessLogTarget;
    /** Part of the calls that get a line, 0 to 1; calls that count as errors always do. */
    readonly sample: number;
  };
  /** Query parameters whose values are not shown; `sensitiveParametersDefault` where not given. */
  readonly redactQuery?: readonly string[];
}
