import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createWebServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { status } from '@grpc/grpc-js';
import { trace } from '@opentelemetry/api';
import { expect } from 'chai';
import { ConfigurationError, type Sidecar, type SidecarConfig, startSidecar } from '../../src/index.ts';
import { connectGreeter } from '../support/greeter-client.ts';
import { type Greeter, startGreeter } from '../support/greeter-server.ts';
import { until } from '../support/until.ts';

const entry = new URL('../../src/index.ts', import.meta.url);

function configOf(address: string, more: object = {}): SidecarConfig {
  return {
    listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'greeter' }] }],
    clusters: [{ name: 'greeter', endpoints: [{ address }] }],
    ...more,
  };
}

async function hello(target: string): Promise<number> {
  const client = connectGreeter(target);
  try {
    return (await client.sayHello('you')).code;
  } finally {
    client.close();
  }
}

/** What a promise rejects with; fails where it resolves. */
async function rejection(promise: Promise<unknown>): Promise<Error> {
  const error = await promise.then(
    () => null,
    (reason: Error) => reason,
  );
  if (error === null) throw new Error('it did not reject');
  return error;
}

describe('startSidecar', () => {
  let greeter: Greeter;
  const started: Sidecar[] = [];
  const start: typeof startSidecar = async (...args) => {
    const sidecar = await startSidecar(...args);
    started.push(sidecar);
    return sidecar;
  };

  beforeEach(async () => {
    greeter = await startGreeter();
  });

  afterEach(async () => {
    await Promise.all(started.splice(0).map((sidecar) => sidecar.close()));
    await greeter.kill();
  });

  it('forwards calls, and shows the addresses it got in place of port 0', async () => {
    const sidecar = await start(configOf(greeter.address));
    await sidecar.ready();
    expect(sidecar.address()).to.match(/^127\.0\.0\.1:[1-9]\d+$/);
    expect([...sidecar.addresses]).to.deep.equal([['in', sidecar.address('in')]]);
    expect(() => sidecar.address('out')).to.throw('no listener is named "out"; use in');
    expect(await hello(sidecar.address())).to.equal(status.OK);
    expect(greeter.calls).to.equal(1);
    const answer = await fetch(`${sidecar.adminUrl}/ready`);
    expect([answer.status, await answer.text()]).to.deep.include(200);
  });

  it('runs twice in one process, with admin addresses of their own', async () => {
    const [one, two] = await Promise.all([
      start(configOf(greeter.address)),
      start(configOf(greeter.address)),
    ]);
    expect(one.adminUrl).not.to.equal(two.adminUrl);
    await one.close();
    await two.ready();
    expect(await hello(two.address())).to.equal(status.OK);
  });

  it('takes a file, with variables from options.env alone, and free ports where asked', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-embed-'));
    const file = join(folder, 'outrigger.yaml');
    const shape = configOf(`\${ADDRESS}`, { admin: { listen: '127.0.0.1:1' } });
    const fixed = { ...shape, listeners: [{ ...shape.listeners[0], listen: '127.0.0.1:2' }] };
    writeFileSync(file, JSON.stringify(fixed));
    try {
      expect((await rejection(start(file))).message).to.match(/outrigger\.yaml:\d+:\d+ .*ADDRESS/);
      const sidecar = await start(file, { env: { ADDRESS: greeter.address }, freePorts: true });
      expect(`${sidecar.address()} ${sidecar.adminUrl}`).not.to.match(/:[12]\b/);
      await sidecar.ready();
      expect(await hello(sidecar.address())).to.equal(status.OK);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('rejects a wrong configuration with all its problems, each with its path', async () => {
    const wrong = configOf('127.0.0.1', { drain: { grace: 'long' } });
    const error = (await rejection(start(wrong))) as ConfigurationError;
    expect(error).to.be.instanceOf(ConfigurationError);
    expect(error.problems.map(({ path }) => path)).to.have.members([
      'clusters[0].endpoints[0].address',
      'drain.grace',
    ]);
    expect(error.message).to.include(
      'configuration clusters[0].endpoints[0].address: "127.0.0.1" has no port; write host:port',
    );
    const round: Record<string, unknown> = {};
    round.self = round;
    expect((await rejection(start(round as never))).message).to.match(
      /^configuration: cannot be written as JSON/,
    );
    expect((await rejection(start('/no/such/file.yaml'))).message).to.include('/no/such/file.yaml');
  });

  it('says which address is in use, and leaves nothing behind', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const listen = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
    try {
      const shape = configOf(greeter.address);
      const error = await rejection(start({ ...shape, listeners: [{ ...shape.listeners[0], listen }] }));
      expect(error.message).to.equal(
        `configuration: listener in cannot listen on ${listen}: the address is in use; stop what listens there or choose another port`,
      );
    } finally {
      taken.close();
    }
  });

  it('ready rejects with the reason after its timeout, and once the sidecar was closed', async () => {
    await greeter.kill();
    const sidecar = await start(configOf(greeter.address));
    expect((await rejection(sidecar.ready({ timeoutMs: 50 }))).message).to.match(
      /^the sidecar is not ready after 50 ms: .*greeter/,
    );
    await sidecar.close();
    expect((await rejection(sidecar.ready())).message).to.include('drains or was closed');
  });

  it('drain lets calls in flight finish, and reports how many', async () => {
    greeter.delayMs = 200;
    const sidecar = await start(configOf(greeter.address, { drain: { delay: '0s', goawayDelay: '0s' } }));
    await sidecar.ready();
    const call = hello(sidecar.address());
    await until(
      () => greeter.active === 1,
      () => 'the call has not come',
    );
    expect(await sidecar.drain()).to.deep.equal({ finished: 1, terminated: 0 });
    expect(await call).to.equal(status.OK);
    expect((await fetch(`${sidecar.adminUrl}/ready`)).status).to.equal(503);
  });

  it('close does not wait for calls in flight, nor for drain.delay, and may be called again', async () => {
    greeter.delayMs = 600_000;
    const log: string[] = [];
    const sidecar = await start(configOf(greeter.address, { drain: { delay: '10m', grace: '10m' } }), {
      log: (line) => log.push(line),
    });
    await sidecar.ready();
    const call = hello(sidecar.address());
    await until(
      () => greeter.active === 1,
      () => 'the call has not come',
    );
    await Promise.all([sidecar.close(), sidecar.close()]);
    expect(await call).to.equal(status.UNAVAILABLE);
    expect(log.some((line) => line.includes('drained: 1 request terminated'))).to.equal(true, log.join('\n'));
    expect(log.some((line) => line.includes('\n'))).to.equal(false);
  });

  it('an aborted signal closes it, before and after it has started', async () => {
    const reason = new Error('the test is over');
    expect(await rejection(start(configOf(greeter.address), { signal: AbortSignal.abort(reason) }))).to.equal(
      reason,
    );
    const early = new AbortController();
    const starting = start(configOf(greeter.address), { signal: early.signal });
    early.abort(reason);
    expect(await rejection(starting)).to.equal(reason);
    const late = new AbortController();
    const sidecar = await start(configOf(greeter.address), { signal: late.signal });
    late.abort(reason);
    await until(
      async () => (await fetch(sidecar.adminUrl).catch(() => null)) === null,
      () => 'the admin API still answers',
    );
  });

  it('adds no listener to the process and no global provider to OpenTelemetry', async () => {
    const listeners = (): unknown => process.eventNames().map((name) => [name, process.listenerCount(name)]);
    const before = listeners();
    let exports = 0;
    const collector = createWebServer((request, response) => {
      exports++;
      request.resume().once('end', () => response.end());
    }).listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
    const traces = { sampler: 'always_on', otlp: { endpoint } };
    const telemetry = { traces, metrics: { otlp: true } };
    const sidecar = await start(configOf(greeter.address, { telemetry }));
    await sidecar.ready();
    expect(await hello(sidecar.address())).to.equal(status.OK);
    expect(listeners()).to.deep.equal(before);
    expect(trace.getTracer('of the test').startSpan('one').isRecording()).to.equal(false);
    expect(trace.setGlobalTracerProvider({ getTracer: () => null as never })).to.equal(true);
    trace.disable();
    await sidecar.close();
    expect(exports, 'requests to the collector').to.equal(2);
    collector.closeAllConnections();
    collector.close();
  });

  it('a process ends by itself after close, with await using as well', () => {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-embed-'));
    const script = join(folder, 'script.ts');
    writeFileSync(
      script,
      `import { startSidecar } from ${JSON.stringify(pathToFileURL(entry.pathname).href)};
      const config = ${JSON.stringify(configOf(greeter.address))};
      const sidecar = await startSidecar(config);
      await sidecar.close();
      const other = await startSidecar(config);
      await other[Symbol.asyncDispose]();
      process.on('exit', () => console.log('by itself'));`,
    );
    try {
      const {
        status: code,
        stdout,
        stderr,
      } = spawnSync(process.execPath, [script], {
        encoding: 'utf8',
        timeout: 30_000,
      });
      expect([code, stdout], stderr).to.deep.equal([0, 'by itself\n']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
