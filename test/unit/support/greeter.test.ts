import { expect } from 'chai';
import { connectGreeter, type GreeterClient } from '../../support/greeter-client.ts';
import { type Greeter, startGreeter } from '../../support/greeter-server.ts';

describe('the test replica and its client', () => {
  let replica: Greeter;
  let client: GreeterClient;
  beforeEach(async () => {
    replica = await startGreeter({ name: 'a' });
    client = connectGreeter(replica.address);
  });
  afterEach(async () => {
    client.close();
    await replica.kill();
  });

  it('answers a unary call with payload, metadata and trailers', async () => {
    const payload = Buffer.alloc(100_000, 7);
    const trailers = [
      { key: 'x-text', text: 'one' },
      { key: 'x-text', text: 'two' },
      { key: 'x-raw-bin', binary: Buffer.from([0, 255]) },
    ];
    const result = await client.unary(
      { payload, options: { echoMetadata: true, trailers } },
      {
        metadata: [
          ['x-a', '1'],
          ['x-b-bin', Buffer.from([1, 2, 254])],
        ],
        deadlineMs: 5000,
      },
    );
    expect(result.code, result.details).to.equal(0);
    expect(result.replies[0].payload.equals(payload)).to.equal(true);
    expect(result.replies[0].replica).to.equal('a');
    expect(result.metadata.get('echo-x-a')).to.deep.equal(['1']);
    expect(result.metadata.get('echo-x-b-bin')).to.deep.equal([Buffer.from([1, 2, 254])]);
    expect(result.trailers.get('x-text')).to.deep.equal(['one, two']);
    expect(result.trailers.get('x-raw-bin')).to.deep.equal([Buffer.from([0, 255])]);
    expect(replica.lastDeadlineMs).to.be.within(1, 5000);
    expect([replica.calls, replica.active, replica.cancelled]).to.deep.equal([1, 0, 0]);
  });

  it('carries every kind of stream', async () => {
    const requests = ['a', 'b', 'c'].map((text) => ({ payload: Buffer.from(text) }));
    const up = await client.clientStream(requests);
    expect(up.replies[0].payload.toString()).to.equal('abc');
    expect(up.replies[0].received).to.equal(3);
    const down = await client.serverStream({ payload: Buffer.from('x'), options: { replies: 5 } });
    expect(down.replies.map((r) => r.index)).to.deep.equal([0, 1, 2, 3, 4]);
    const both = await client.bidi(requests);
    expect(both.replies.map((r) => r.payload.toString())).to.deep.equal(['a', 'b', 'c']);
    expect([up.code, down.code, both.code]).to.deep.equal([0, 0, 0]);
  });

  it('fails with a unicode status and trailers, by request or always', async () => {
    const options = { failStatus: 9, failMessage: 'nö: 負荷 %', trailers: [{ key: 'x-why', text: 'asked' }] };
    for (const result of [
      await client.unary({ options }),
      await client.serverStream({ options: { ...options, replies: 2 } }),
      await client.bidi([{ options }]),
    ]) {
      expect([result.code, result.details]).to.deep.equal([9, 'nö: 負荷 %']);
      expect(result.trailers.get('x-why')).to.deep.equal(['asked']);
    }
    replica.failure = { code: 14, details: 'always' };
    expect((await client.sayHello('you')).code).to.equal(14);
  });

  it('distinguishes a cancelled call from a finished one', async () => {
    const abort = new AbortController();
    const call = client.unary({ options: { hold: true } }, { signal: abort.signal });
    while (replica.active === 0) await new Promise(setImmediate);
    abort.abort();
    expect((await call).code).to.equal(1);
    while (replica.cancelled === 0) await new Promise(setImmediate);
    expect(replica.active).to.equal(0);
  });

  it('is killed with its sockets and comes back on the same port', async () => {
    const held = client.unary({ options: { hold: true } });
    while (replica.active === 0) await new Promise(setImmediate);
    await replica.kill();
    expect((await held).code).to.equal(14);
    replica = await startGreeter({ port: replica.port, name: 'b' });
    client.close();
    client = connectGreeter(replica.address);
    expect((await client.sayHello('you')).replies[0]).to.deep.equal({ message: 'Hello you', replica: 'b' });
  });

  it('stops gracefully: the call in flight finishes', async () => {
    const slow = client.unary({ options: { sleepMs: 50 } });
    while (replica.active === 0) await new Promise(setImmediate);
    await Promise.all([replica.stop(), slow]);
    expect((await slow).code).to.equal(0);
  });
});
