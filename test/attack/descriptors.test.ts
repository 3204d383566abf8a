import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { connectGreeter, type GreeterClient } from '../support/greeter-client.ts';
import { type Greeter, startGreeter } from '../support/greeter-server.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { type LimitedSidecar, startLimitedSidecar } from './support/limited-sidecar.ts';
import { cpuMs, descriptors } from './support/process-usage.ts';
import { preface, settings } from './support/wire.ts';

const descriptorsMax = 96;

describe('attack: descriptors run out', function () {
  judgesRealTime(this, 'the latency of an honest client beside the attack is judged', 2);
  let replicas: Greeter[] = [];
  let sidecar: LimitedSidecar;
  let client: GreeterClient;
  const sockets: Socket[] = [];

  before(async function (this: Mocha.Context) {
    this.test?.parent?.timeout(30_000);
    replicas = await Promise.all([startGreeter(), startGreeter()]);
    const shape = greeterConfig(replicas, { health: { interval: '200ms' } });
    sidecar = await startLimitedSidecar(shape, descriptorsMax);
    client = connectGreeter(sidecar.target);
    await until(
      async () => (await client.sayHello('a')).code === 0,
      () => 'no call succeeded',
    );
  });
  after(async () => {
    client?.close();
    for (const socket of sockets) socket.destroy();
    if (process.env.ATTACK_FACTS) console.log(sidecar.stderr.slice(0, 6000));
    await sidecar?.stop();
    await Promise.all(replicas.map((replica) => replica.kill()));
  });

  it('the sidecar neither ends nor spins, and its clients are served', async () => {
    const [host, port] = sidecar.target.split(':');
    for (let i = 0; i < 300; i++) {
      const socket = connect(Number(port), host);
      socket.on('error', () => {});
      // An HTTP/2 connection in good order is held for as long as its client likes.
      socket.write(Buffer.concat([preface, settings()]));
      sockets.push(socket);
    }
    await until(
      () => /at its limit of open files/.test(sidecar.stderr),
      () => `nobody was turned away, with ${descriptors(sidecar.pid)} descriptors open`,
    );
    const cpuBefore = cpuMs(sidecar.pid);
    const failures: string[] = [];
    for (let i = 0; i < 100; i++) {
      const { code, details } = await client.sayHello('a', { deadlineMs: 2000 });
      if (code !== 0) failures.push(`${code} ${details}`);
      await sleep(15);
    }
    expect(failures).to.deep.equal([]);
    expect(cpuMs(sidecar.pid) - cpuBefore, 'CPU of some 2 s').to.be.at.most(800);
    expect(sidecar.exited, sidecar.stderr.slice(-2000)).to.equal(false);
    expect(sidecar.stderr.split('\n').length, sidecar.stderr.slice(-2000)).to.be.at.most(60);
  });

  it('a connection to a replica that is lost meanwhile is replaced', async () => {
    const killed = replicas[0];
    await killed.kill();
    const failures: string[] = [];
    for (let i = 0; i < 30; i++) {
      const { code, details } = await client.sayHello('a', { deadlineMs: 2000 });
      if (code !== 0) failures.push(`${code} ${details}`);
      await sleep(10);
    }
    // What was on it when it went; nothing is lost for good.
    expect(failures.length, failures[0]).to.be.at.most(1);
    replicas[0] = await startGreeter({ port: killed.port });
    const before = replicas[0].calls;
    await until(
      async () => {
        await client.sayHello('a', { deadlineMs: 2000 });
        return replicas[0].calls > before;
      },
      () => `the replica that came back is not used: ${sidecar.stderr.slice(-1500)}`,
      15_000,
    );
  });

  it('once they are free again new clients are served', async () => {
    for (const socket of sockets) socket.destroy();
    const late = connectGreeter(sidecar.target);
    const { code, details } = await late.sayHello('a', { deadlineMs: 5000 });
    late.close();
    expect([code, details]).to.deep.equal([0, 'OK']);
  });
});
