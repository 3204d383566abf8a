import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import type { TelemetrySettings } from '../../../src/telemetry/settings.ts';
import { startTelemetry, type Telemetry } from '../../../src/telemetry/telemetry.ts';
import { endpointSnapshot } from './metrics/snapshots.ts';
import { callRecord } from './records.ts';

const settings: TelemetrySettings = {
  serviceName: 'outrigger',
  traces: {
    sampler: 'parentbased_traceidratio',
    ratio: 0.01,
    propagators: ['tracecontext', 'baggage'],
    otlp: {},
  },
  metrics: { otlp: false, prometheus: true, maxMethods: 200 },
  accessLog: { format: 'json', to: { kind: 'none' }, sample: 1 },
};

function start(over: Partial<TelemetrySettings> = {}): Promise<Telemetry> {
  return startTelemetry(
    { ...settings, ...over },
    {
      clock: new VirtualClock(),
      random: new SeededRandom(1),
      logger: silentLogger,
      env: {},
      version: '1.2.3',
      endpoints: () => [endpointSnapshot({ active: 3 })],
      connections: () => ({ downstream: 1, upstream: 2 }),
    },
  );
}

function run(telemetry: Telemetry): void {
  const record = callRecord();
  const trace = telemetry.begin(HeaderBlock.of([':path', record.path]), record, null);
  for (const attempt of record.attempts) telemetry.attempt(record, trace, attempt);
  telemetry.settled(record, trace, null);
}

describe('telemetry/telemetry', () => {
  it('counts and remembers calls without an exporter, and gives them no trace', async () => {
    const telemetry = await start();
    run(telemetry);
    expect(telemetry.recent.find(1)).to.include({ sampled: false });
    expect(String(telemetry.recent.find(1)?.traceId)).to.equal('');
    const { body } = telemetry.prometheusText(undefined);
    for (const line of [
      'rpc_server_call_duration_seconds_count{rpc_system_name="grpc",rpc_method="helloworld.Greeter/SayHello",outrigger_cluster="greeter",outrigger_listener="outbound",rpc_response_status_code="OK",rpc_status_code="OK"} 1',
      'outrigger_endpoint_active{outrigger_cluster="greeter",outrigger_endpoint="127.0.0.1:50051"} 3',
      'outrigger_connections{outrigger_side="upstream"} 2',
      `outrigger_build_info{version="1.2.3",node="${process.version}"} 1`,
    ])
      expect(body.split('\n')).to.include(line);
    await telemetry.shutdown();
  });

  it('counts no calls where nobody could read the counts', async () => {
    const telemetry = await start({ metrics: { otlp: false, prometheus: false, maxMethods: 200 } });
    run(telemetry);
    expect(telemetry.prometheus).to.equal(false);
    expect(telemetry.prometheusText(undefined).body).not.to.include('rpc_server');
    expect(telemetry.recent.recent()).to.have.lengthOf(1);
    await telemetry.shutdown();
  });

  it('loads no OpenTelemetry module unless something is exported', async () => {
    const loaded = async (endpoint: string): Promise<string[]> => {
      const script = `
        import { registerHooks } from 'node:module';
        const seen = [];
        registerHooks({ resolve(name, context, next) {
          if (name.startsWith('@opentelemetry/')) seen.push(name);
          return next(name, context);
        } });
        const { startTelemetry } = await import('./src/telemetry/telemetry.ts');
        const { systemClock } = await import('./src/core/clock.ts');
        const { systemRandom } = await import('./src/core/random.ts');
        const { silentLogger } = await import('./src/core/logger.ts');
        const settings = ${JSON.stringify(settings)};
        settings.traces.otlp.endpoint = '${endpoint}';
        const telemetry = await startTelemetry(settings, { clock: systemClock, random: systemRandom(), logger: silentLogger,
          env: {}, version: '1', endpoints: () => [], connections: () => ({ downstream: 0, upstream: 0 }) });
        await telemetry.shutdown();
        console.log(JSON.stringify(seen));`;
      const root = new URL('../../..', import.meta.url);
      const args = ['--input-type=module', '--eval', script];
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
      return JSON.parse(stdout) as string[];
    };
    expect(await loaded('')).to.deep.equal([]);
    expect(await loaded('http://127.0.0.1:9')).to.include('@opentelemetry/sdk-node');
  });
});
