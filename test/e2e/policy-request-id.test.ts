import { expect } from 'chai';
import { askForWebSocket, startHeaderServer } from '../support/header-server.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const routes = [{ name: 'all', cluster: 'greeter', requestId: { reply: true } }];
const listeners = [{ name: 'in', listen: '127.0.0.1:0', routes }];

describe('requestId, end to end', () => {
  const { greeter, sidecar, client, defer } = rig();

  it('one id for the replica, the client and /explain of a gRPC call', async () => {
    const replica = await greeter();
    const proxy = await sidecar(greeterConfig([replica], {}, { listeners }));
    const caller = client(proxy.target());
    const { metadata } = await caller.sayHello('x');
    const [id] = replica.lastMetadata!.get('x-request-id');
    expect(id).to.match(uuid);
    expect(metadata.get('x-request-id')).to.deep.equal([id]);
    const kept = await caller.sayHello('x', { metadata: [['x-request-id', 'mine']] });
    expect(replica.lastMetadata!.get('x-request-id')).to.deep.equal(['mine']);
    expect(kept.metadata.get('x-request-id')).to.deep.equal(['mine']);
    await until(
      () => proxy.calls().length === 2,
      () => `${proxy.calls().length} calls`,
    );
    const explained = await (await fetch(`${proxy.adminUrl}/explain/${proxy.calls()[0].id}`)).text();
    expect(explained).to.match(new RegExp(`requestId +generated ${id}`));
  });

  it('HTTP/1.1 requests and WebSockets get one', async () => {
    const server = await startHeaderServer();
    defer(() => server.close());
    const proxy = await sidecar(greeterConfig([server], { protocol: 'http1' }, { listeners }));
    const reply = await fetch(`http://${proxy.target()}/`);
    await reply.text();
    const switching = await askForWebSocket(proxy.target());
    const ids = server.seen.map(({ headers }) => headers['x-request-id']);
    expect(ids[0]).to.match(uuid).and.equal(reply.headers.get('x-request-id'));
    expect(ids[1]).to.match(uuid).and.equal(switching['x-request-id']).and.not.equal(ids[0]);
  });
});
