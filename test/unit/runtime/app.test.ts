import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect } from 'chai';
import { greeterConfig, type Sidecar, startSidecar } from '../../support/sidecar.ts';

describe('startApp', () => {
  const deferred: Array<() => unknown> = [];
  afterEach(async () => {
    for (let takeDown = deferred.pop(); takeDown !== undefined; takeDown = deferred.pop()) await takeDown();
  });
  const shape = greeterConfig([{ address: '127.0.0.1:9' }], { health: 'none' });

  async function started(): Promise<Sidecar> {
    const sidecar = await startSidecar(shape);
    deferred.push(() => sidecar.stop());
    return sidecar;
  }
  const ask = async (sidecar: Sidecar, path: string, method = 'GET') => {
    const reply = await fetch(`${sidecar.adminUrl}${path}`, { method });
    return { status: reply.status, text: await reply.text() };
  };

  it('gives a sidecar that is bound and says where', async () => {
    const { app, log } = await started();
    expect(app.listenerAddress('in')).to.include({ kind: 'tcp', host: '127.0.0.1' });
    expect(app.clusters.map(({ name }) => name)).to.deep.equal(['greeter']);
    expect(log.at(-1)).to.match(/admin page url=http:\/\/127\.0\.0\.1:\d+\//);
  });

  it('rejects with a sentence when a port is in use, and leaves nothing behind', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    deferred.push(() => new Promise((resolve) => other.close(resolve)));
    const { port } = other.address() as { port: number };
    const taken = `127.0.0.1:${port}`;
    const second = { ...shape.listeners![0], name: 'second', listen: taken };
    for (const wrong of [
      { ...shape, listeners: [...shape.listeners!, second] },
      { ...shape, admin: { listen: taken } },
    ]) {
      let reason = '';
      await startSidecar(wrong).catch((error: Error) => {
        reason = error.message;
      });
      // That there is no server, socket or timer left is checked after the suite.
      expect(reason).to.contain(taken).and.contain('in use');
    }
  });

  it('counts what its listeners and clusters did', async () => {
    const sidecar = await started();
    const reply = await fetch(`http://${sidecar.target()}/x`);
    expect(reply.status).to.equal(503);
    await reply.text();
    const { totals, counters } = JSON.parse((await ask(sidecar, '/stats?format=json')).text) as {
      totals: Record<string, number>;
      counters: Record<string, number>;
    };
    expect(totals).to.include({ calls: 1, errors: 1, active: 0 });
    expect(counters).to.include({
      'listener.in.calls': 1,
      'listener.in.active': 0,
      'cluster.greeter.endpoints': 1,
      'cluster.greeter.usable': 0,
      'cluster.greeter.active': 0,
    });
    const id = sidecar.calls()[0].id;
    expect((await ask(sidecar, `/explain/${id}`)).text).to.contain('connect_failed');
  });

  it('readiness can be made to fail by hand, and the log level be changed', async () => {
    const sidecar = await started();
    expect((await ask(sidecar, '/ready')).status).to.equal(200);
    await ask(sidecar, '/healthcheck/fail', 'POST');
    const failing = await ask(sidecar, '/ready');
    expect([failing.status, failing.text.includes('POST /healthcheck/fail')]).to.deep.equal([503, true]);
    await ask(sidecar, '/healthcheck/ok', 'POST');
    expect((await ask(sidecar, '/ready')).status).to.equal(200);
    const lines = sidecar.log.length;
    expect((await ask(sidecar, '/logging?level=error', 'POST')).status).to.equal(200);
    await ask(sidecar, '/endpoints/127.0.0.1:9/drain', 'POST');
    expect(sidecar.log.slice(lines).filter((line) => line.includes('drained by hand'))).to.deep.equal([]);
  });

  it('an endpoint that it has not cannot be drained', async () => {
    const sidecar = await started();
    expect((await ask(sidecar, '/endpoints/127.0.0.1:10/drain', 'POST')).status).to.equal(404);
    expect((await ask(sidecar, '/endpoints/127.0.0.1:9/drain', 'POST')).status).to.equal(200);
    expect(sidecar.endpoint('127.0.0.1:9').unusableBecause).to.equal('drained by hand');
  });

  it('stops once, however often it is asked to', async () => {
    const sidecar = await startSidecar(shape);
    const [first, second] = await Promise.all([sidecar.stop(), sidecar.stop()]);
    expect(second).to.equal(first);
    expect(await sidecar.stop()).to.equal(first);
  });
});
