import { expect } from 'chai';
import { type Environment, exportPlan } from '../../../src/telemetry/export-plan.ts';
import type { TelemetrySettings } from '../../../src/telemetry/settings.ts';

function plan(env: Environment, otlp: TelemetrySettings['traces']['otlp'] = {}, metrics = false) {
  return exportPlan(
    {
      serviceName: 's',
      traces: { sampler: 'always_on', ratio: 1, propagators: ['tracecontext'], otlp },
      metrics: { otlp: metrics, prometheus: true, maxMethods: 200 },
      accessLog: { format: 'json', to: { kind: 'none' }, sample: 1 },
    },
    env,
  );
}

describe('telemetry/export-plan', () => {
  it('exports nothing unless asked', () => {
    expect(plan({})).to.deep.equal({ traces: null, metrics: null });
    expect(plan({ OTEL_SERVICE_NAME: 'x', OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }).traces).to.equal(null);
  });

  it('takes an endpoint from the configuration, with the path that HTTP needs', () => {
    expect(plan({}, { endpoint: 'http://c:4318/' }).traces).to.deep.equal({
      kind: 'otlp',
      protocol: 'http/protobuf',
      url: 'http://c:4318/v1/traces',
    });
    expect(plan({}, { endpoint: 'http://c:4317', protocol: 'grpc' }, true)).to.deep.equal({
      traces: { kind: 'otlp', protocol: 'grpc', url: 'http://c:4317' },
      metrics: { kind: 'otlp', protocol: 'grpc', url: 'http://c:4317' },
    });
  });

  it('lets an explicit endpoint win over the environment', () => {
    const env = { OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://env:4318' };
    expect(plan(env, { endpoint: 'http://c:4318' }).traces?.url).to.equal('http://c:4318/v1/traces');
  });

  it('leaves what the standard environment says to the exporters', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://env:4318' };
    const fromEnvironment = { kind: 'otlp', protocol: 'http/protobuf', url: undefined };
    expect(plan(env).traces).to.deep.equal(fromEnvironment);
    // Configuration reads the same variable; that does not make it explicit.
    expect(plan(env, { endpoint: 'http://env:4318' }).traces).to.deep.equal(fromEnvironment);
    expect(plan({ OTEL_TRACES_EXPORTER: 'otlp' }).traces).to.deep.equal(fromEnvironment);
    expect(plan({ ...env, OTEL_TRACES_EXPORTER: 'none' }).traces).to.equal(null);
    expect(plan({ ...env, OTEL_SDK_DISABLED: 'True' }).traces).to.equal(null);
  });

  it('prefers the protocol of the signal', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://env:4317',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/protobuf',
      OTEL_METRICS_EXPORTER: 'otlp',
    };
    expect(plan(env).traces?.protocol).to.equal('grpc');
    expect(plan(env).metrics?.protocol).to.equal('http/protobuf');
  });

  it('exports metrics only when they are asked for', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://env:4318' };
    expect(plan(env).metrics).to.equal(null);
    expect(plan(env, {}, true).metrics?.url).to.equal(undefined);
    expect(plan({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://m' }).metrics).not.to.equal(null);
    expect(plan({ OTEL_METRICS_EXPORTER: 'none' }).metrics).to.equal(null);
  });
});
