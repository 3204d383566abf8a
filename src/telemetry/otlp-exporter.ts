import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { type IOtlpExportDelegate, OTLPExporterBase } from '@opentelemetry/otlp-exporter-base';
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from '@opentelemetry/otlp-exporter-base/node-http';
import { TraceExporterMetricsHelper } from '@opentelemetry/otlp-transformer';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { SignalTarget } from './export-plan.ts';
import { otlpSpanSerializer, type SpanSerializer } from './otlp-spans.ts';

/** What the library's `OTLPTraceExporter` of either protocol is made of, but for the serializer. */
export async function otlpSpanExporter(target: SignalTarget): Promise<SpanExporter> {
  const config = target.url === undefined ? {} : { url: target.url };
  const serializer = otlpSpanSerializer();
  if (target.protocol === 'grpc') {
    const { convertLegacyOtlpGrpcOptions, createOtlpGrpcExportDelegate } = await import(
      '@opentelemetry/otlp-grpc-exporter-base'
    );
    const delegate = createOtlpGrpcExportDelegate(
      convertLegacyOtlpGrpcOptions(config, 'TRACES'),
      serializer,
      'otlp_grpc_span_exporter',
      TraceExporterMetricsHelper,
      undefined,
      'TraceExportService',
      '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    );
    return new OtlpSpanExporter(delegate, serializer);
  }
  const headers = { 'Content-Type': 'application/x-protobuf' };
  const delegate = createOtlpHttpExportDelegate(
    convertLegacyHttpOptions(config, 'TRACES', 'v1/traces', headers),
    serializer,
    'otlp_http_span_exporter',
    TraceExporterMetricsHelper,
    undefined,
  );
  return new OtlpSpanExporter(delegate, serializer);
}

class OtlpSpanExporter extends OTLPExporterBase<ReadableSpan[]> {
  private readonly serializer: SpanSerializer;

  constructor(delegate: IOtlpExportDelegate<ReadableSpan[]>, serializer: SpanSerializer) {
    super(delegate);
    this.serializer = serializer;
  }

  override export(spans: ReadableSpan[], callback: (result: ExportResult) => void): void {
    super.export(spans, (result) => {
      // After a failure some of the bytes may still be on their way.
      if (result.code === ExportResultCode.SUCCESS) this.serializer.taken(spans);
      callback(result);
    });
  }
}
