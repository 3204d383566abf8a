import { expect } from 'chai';
import { settings } from '../../../src/config/settings.ts';
import { configOf, minimal, warningsOf } from './support.ts';

const warn = (env: Record<string, string>): string[] => warningsOf(minimal(), { env });

describe('config/environment', () => {
  it('every setting outside the lists has a variable of its own, every flag one', () => {
    const variables = settings.map(({ variable }) => variable);
    expect(new Set(variables).size).to.equal(variables.length);
    for (const variable of variables) expect(variable).to.match(/^OUTRIGGER_[A-Z]+(_[A-Z]+)*$/);
    expect(variables).to.include.members([
      'OUTRIGGER_ADMIN',
      'OUTRIGGER_LOG_LEVEL',
      'OUTRIGGER_DRAIN_GOAWAY_DELAY',
    ]);
  });

  it('warns of an unknown OUTRIGGER_ variable, with the nearest known one', () => {
    expect(warn({ OUTRIGGER_DRAIN_GRACES: '1s', OUTRIGGER_XYZZY: '1' })).to.deep.equal([
      'OUTRIGGER_DRAIN_GRACES: is not a known variable and changes nothing; did you mean OUTRIGGER_DRAIN_GRACE?',
      'OUTRIGGER_XYZZY: is not a known variable and changes nothing; see docs/configuration.md',
    ]);
  });

  it('leaves alone what Kubernetes sets for a service called outrigger', () => {
    const env = {
      OUTRIGGER_SERVICE_HOST: '10.0.0.1',
      OUTRIGGER_SERVICE_PORT_HTTP: '80',
      OUTRIGGER_PORT: 'tcp://10.0.0.1:80',
      OUTRIGGER_PORT_80_TCP_ADDR: '10.0.0.1',
    };
    expect(warn(env)).to.deep.equal([]);
  });

  it('lets a variable of the OpenTelemetry specification stand in for ours', () => {
    const env = { OTEL_SERVICE_NAME: 'theirs', OTEL_TRACES_SAMPLER_ARG: '0.5' };
    const { telemetry } = configOf(minimal({ more: 'telemetry: { serviceName: file }' }), { env });
    expect(telemetry.serviceName).to.equal('theirs');
    expect(telemetry.traces.ratio).to.equal(0.5);
    const both = { ...env, OUTRIGGER_SERVICE_NAME: 'ours' };
    expect(configOf(minimal(), { env: both }).telemetry.serviceName).to.equal('ours');
  });

  it('samples all by a sampler of that specification where no ratio is set, as it has it', () => {
    const ratioOf = (env: Record<string, string>, more = '') =>
      configOf(minimal(more === '' ? {} : { more }), { env }).telemetry.traces.ratio;
    const sampler = { OTEL_TRACES_SAMPLER: 'traceidratio' };
    expect(ratioOf({})).to.equal(0.01);
    expect(ratioOf(sampler)).to.equal(1);
    expect(ratioOf({ ...sampler, OTEL_TRACES_SAMPLER_ARG: '0.5' })).to.equal(0.5);
    expect(ratioOf({ ...sampler, OUTRIGGER_TELEMETRY_TRACES_RATIO: '0.25' })).to.equal(0.25);
    expect(ratioOf(sampler, 'telemetry: { traces: { ratio: 0.1 } }')).to.equal(0.1);
    expect(ratioOf({ OUTRIGGER_TELEMETRY_TRACES_SAMPLER: 'traceidratio' })).to.equal(0.01);
  });

  it('warns of a wrong value there and goes on, as that specification asks', () => {
    const env = { OTEL_PROPAGATORS: 'tracecontext,xray' };
    expect(warn(env)).to.deep.equal([
      'OTEL_PROPAGATORS: "xray" is not known; write tracecontext, baggage, b3, b3multi, jaeger or none; it is ignored',
    ]);
    expect(configOf(minimal(), { env }).telemetry.traces.propagators).to.deep.equal([
      'tracecontext',
      'baggage',
    ]);
  });

  it('takes words in any case and repeated, as that specification has it', () => {
    const env = { OTEL_TRACES_SAMPLER: ' Always_ON', OTEL_PROPAGATORS: 'b3, B3,tracecontext' };
    expect(warn(env)).to.deep.equal([]);
    const { traces } = configOf(minimal(), { env }).telemetry;
    expect([traces.sampler, traces.propagators]).to.deep.equal(['always_on', ['b3', 'tracecontext']]);
  });

  it('warns of a wrong value in the variables that have no key of ours', () => {
    const wrong = {
      OTEL_SDK_DISABLED: 'yes',
      OTEL_TRACES_EXPORTER: 'otlp,zipkin',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://user:secret@',
      OTEL_BSP_SCHEDULE_DELAY: '-5',
      OTEL_METRIC_EXPORT_INTERVAL: '0',
    };
    expect(warn(wrong)).to.deep.equal([
      'OTEL_SDK_DISABLED: "yes" is not known; write true or false; it is ignored',
      'OTEL_TRACES_EXPORTER: "otlp,zipkin" is not known; write a list of otlp, console, none; it is ignored',
      'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: is no valid URL; write a URL, such as http://127.0.0.1:4318/v1/traces; it is ignored',
      'OTEL_BSP_SCHEDULE_DELAY: "-5" is not known; write milliseconds, a whole number above 0; it is ignored',
      'OTEL_METRIC_EXPORT_INTERVAL: "0" is not known; write milliseconds, a whole number above 0; it is ignored',
    ]);
    const right = {
      OTEL_SDK_DISABLED: 'False',
      OTEL_TRACES_EXPORTER: ' OTLP ',
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'https://user:secret@c.example/x?tenant=1',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_BSP_MAX_QUEUE_SIZE: '4096',
      OTEL_METRICS_EXPORTER: '',
    };
    expect(warn(right)).to.deep.equal([]);
  });
});
