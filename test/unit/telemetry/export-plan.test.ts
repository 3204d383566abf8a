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
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://env:4318' };
    expect(plan(env, { endpoint: 'http://c:4318' }).traces?.url).to.equal('http://c:4318/v1/traces');
  });

  it('lets what switches export off win over every endpoint', () => {
    const otlp = { endpoint: 'http://c:4318' };
    expect(plan({ OTEL_TRACES_EXPORTER: 'none' }, otlp, true)).to.deep.include({ traces: null });
    expect(plan({ OTEL_METRICS_EXPORTER: ' None ' }, otlp, true)).to.deep.include({ metrics: null });
    expect(plan({ OTEL_SDK_DISABLED: 'TRUE' }, otlp, true)).to.deep.equal({ traces: null, metrics: null });
    for (const text of ['1', 'yes', 'false', ''])
      expect(plan({ OTEL_SDK_DISABLED: text }, otlp).traces, text).not.to.equal(null);
  });

  it('takes a wrong value for an unset one', () => {
    expect(plan({ OTEL_TRACES_EXPORTER: 'zipkin' }).traces).to.equal(null);
    expect(plan({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'collector:4318' }).traces).to.equal(null);
    // Asked for by another variable, it goes where the specification says: the exporter itself would throw.
    const asked = { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' };
    expect(plan(asked).traces?.url).to.equal('http://localhost:4318/v1/traces');
    const both = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://env:4318',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'nonsense',
    };
    expect(plan(both, { endpoint: 'http://env:4318' }).traces?.url).to.equal('http://env:4318/v1/traces');
    const json = { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' };
    expect(plan(json, { endpoint: 'http://c' }).traces?.protocol).to.equal('http/protobuf');
  });

  it('leaves what the standard environment says to the exporters', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://env:4318' };
    const fromEnvironment = { kind: 'otlp', protocol: 'http/protobuf', url: undefined };
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
    expect(
      plan(env, { endpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT, protocol: 'grpc' }).traces?.protocol,
    ).to.equal('grpc');
    expect(plan(env).metrics?.protocol).to.equal('http/protobuf');
  });

  it('exports metrics only when they are asked for', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://env:4318' };
    expect(plan(env).metrics).to.equal(null);
    expect(plan(env, { endpoint: 'http://env:4318' }, true).metrics?.url).to.equal(undefined);
    expect(plan({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://m' }).metrics).not.to.equal(null);
    expect(plan({ OTEL_METRICS_EXPORTER: 'none' }).metrics).to.equal(null);
  });
});
