import { expect } from 'chai';
import {
  heldBytesMax,
  nameBytesMax,
  resourceBytesMax,
  resourcesMax,
} from '../../../../src/xds/client/limits.ts';
import { typeUrls } from '../../../../src/xds/type-urls.ts';
import { ClientRig } from '../../../support/xds-client-rig.ts';
import { deltaResponse, type SentResource, sotwResponse } from '../../../support/xds-messages.ts';

describe('the resources of a response', () => {
  let rig: ClientRig;
  const typeUrl = typeUrls.cluster;
  const cluster = () => rig.client.status.kinds.find(({ kind }) => kind === 'cluster');
  const start = (delta: boolean): void => {
    rig = new ClientRig(delta);
    rig.client.subscribe('cluster', 'all');
    rig.client.start();
    rig.settleWithin(100);
  };
  const push = (resources: readonly SentResource[], removed: readonly string[] = []): void => {
    const response = { typeUrl, version: '9', nonce: 'n', resources, removed };
    rig.stream.toClient.push(rig.plane.delta ? deltaResponse(response) : sotwResponse(response));
    rig.settle();
  };
  const lastUpdate = () => rig.judge.updates.at(-1);
  afterEach(() => rig.client.stop());

  it('may be heartbeats, which change nothing', () => {
    start(true);
    push([{ name: 'a', version: '1', body: 'one' }]);
    push([{ name: 'a', version: '1', body: null }], ['a']);
    expect(rig.judge.of('cluster')).to.deep.equal({ a: 'one' });
    expect(lastUpdate()).to.deep.include({ changed: [], removed: [] });
    expect(cluster()?.nacks).to.equal(0);
  });

  it('have a new version without a change of their bytes, which the next stream names', () => {
    start(true);
    push([{ name: 'a', version: '1', body: 'one' }]);
    push([{ name: 'a', version: '2', body: 'one' }]);
    expect(lastUpdate()?.changed).to.deep.equal([]);
    rig.stream.reset('UNAVAILABLE: reset');
    rig.settleWithin(5000);
    const first = rig.plane.requests.findLast(({ node }) => node !== null);
    expect(first?.initialVersions).to.deep.equal({ a: '2' });
  });

  it('have the version of the response in the state of the world', () => {
    start(false);
    push([{ name: 'a', body: 'one' }]);
    expect(lastUpdate()?.changed[0]).to.deep.include({ kind: 'cluster', name: 'a', version: '9' });
    expect(lastUpdate()?.changed[0].bytes).to.equal(8);
    expect(lastUpdate()?.complete).to.equal(true);
  });

  it('are refused without a name, with one that is too long, or with two', () => {
    start(false);
    push([{ name: '', body: 'one' }]);
    expect(cluster()?.lastNack).to.equal('cluster "resources[0]": has no name');
    push([{ name: 'n'.repeat(nameBytesMax + 1), body: 'one' }]);
    expect(cluster()?.lastNack).to.equal(
      `cluster "resources[0]": has a name of more than ${nameBytesMax} bytes (nameBytesMax)`,
    );
    rig.client.stop();
    start(true);
    push([{ name: 'outer', inner: 'inner', version: '1', body: 'one' }]);
    expect(cluster()?.lastNack).to.equal(
      'cluster "outer": has the name "inner" in its message and "outer" beside it',
    );
    expect(rig.judge.of('cluster')).to.deep.equal({});
  });

  it('are refused with another type than that of their response', () => {
    start(false);
    push([{ name: 'a', body: 'one', typeUrl: typeUrls.route }]);
    expect(cluster()?.lastNack).to.contain(`has the type "${typeUrls.route}" in a response of the type`);
  });

  it('are not removed where the response has one whose name cannot be read', () => {
    start(false);
    push([
      { name: 'a', body: 'one' },
      { name: 'b', body: 'two' },
    ]);
    push([
      { name: 'a', body: 'ONE' },
      { name: 'b', body: 'undecodable' },
    ]);
    expect(rig.judge.of('cluster')).to.deep.equal({ a: 'ONE', b: 'two' });
  });

  it('that are many more than once are one problem each', () => {
    start(false);
    push(Array.from({ length: 5 }, (_, i) => ({ name: 'a', body: String(i) })));
    expect(cluster()?.lastNack).to.equal('cluster "a": is in the response more than once; send it once');
  });

  it('make room by their removal and by their smaller versions', () => {
    start(true);
    const some = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => ({ name: `a${from + i}`, version: '1', body: 'x' }));
    push(some(0, resourcesMax));
    push([{ name: 'b', version: '1', body: 'x' }], ['a0', 'unknown']);
    expect(cluster()).to.include({ resources: resourcesMax, nacks: 0 });
    push([{ name: 'c', version: '1', body: 'x' }], ['unknown']);
    expect(cluster()).to.include({ resources: resourcesMax, nacks: 1 });
    rig.client.stop();
    start(true);
    const large = 'x'.repeat(resourceBytesMax - 100);
    const room = Math.floor(heldBytesMax / resourceBytesMax);
    for (let i = 0; i < room; i++) push([{ name: `a${i}`, version: '1', body: large }]);
    push([{ name: 'a0', version: '2', body: large.replace('x', 'y') }]);
    expect(cluster()).to.include({ resources: room, nacks: 0 });
    push([{ name: 'b', version: '1', body: large }], ['a1']);
    expect(cluster()).to.include({ resources: room, nacks: 0 });
  });

  it('are refused together where judging them throws, also if they are none', () => {
    start(false);
    rig.judge.onUpdate = () => {
      throw new Error('a bug');
    };
    push([]);
    expect(cluster()?.lastNack).to.equal('cluster "": internal error of Outrigger; its log has the details');
    push([
      { name: 'a', body: 'one' },
      { name: 'b', body: 'two' },
    ]);
    expect(cluster()?.refused.map(({ name }) => name)).to.deep.equal(['a', 'b']);
  });

  it('may be of a judge that refuses a resource of another kind: the response is refused, its resources stay', () => {
    start(false);
    rig.client.stop();
    rig = new ClientRig(false, {
      deps: { judge: () => [{ kind: 'listener', name: 'a', path: 'address', message: 'is taken' }] },
    });
    rig.client.subscribe('cluster', 'all');
    rig.client.start();
    rig.settleWithin(100);
    push([{ name: 'a', body: 'one' }]);
    expect(cluster()).to.deep.include({
      lastNack: 'listener "a": address: is taken',
      resources: 1,
      refused: [],
    });
  });
});
