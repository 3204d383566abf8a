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

  it('warns of a wrong value there and goes on, as that specification asks', () => {
    const env = { OTEL_PROPAGATORS: 'tracecontext,b3' };
    expect(warn(env)).to.deep.equal([
      'OTEL_PROPAGATORS: "b3" is not known; write tracecontext or baggage; it is ignored',
    ]);
    expect(configOf(minimal(), { env }).telemetry.traces.propagators).to.deep.equal([
      'tracecontext',
      'baggage',
    ]);
  });
});
