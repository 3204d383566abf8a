import { expect } from 'chai';
import { Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { pinHeader, pinLifetimeMs, pinsMax } from '../../../src/upstream/endpoint-pins.ts';
import { explainPick, pickFrom } from '../../support/leases.ts';
import { clusterRig, spec } from './cluster-rig.ts';

describe('endpoint pins', () => {
  const head = (pin: string): HeaderBlock => new HeaderBlock([new Field(pinHeader, pin)]);
  const started = () => {
    const rig = clusterRig({ watched: true });
    rig.publish(['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1'].map((address) => spec(address)));
    for (const watch of rig.watches.values()) watch.says('healthy');
    const picked = (pin: string): string | undefined => {
      const key = rig.cluster.affinity?.keyOf(head(pin), '') ?? '';
      return pickFrom(rig.cluster, 0, null, key)?.address;
    };
    return { ...rig, picked };
  };

  it('a call with the pin goes to its endpoint, usable or not, and the reason says so', () => {
    const { cluster, watches, picked } = started();
    expect(cluster.pinEndpoint('10.0.0.2:1', 'abc')).to.equal(true);
    for (let i = 0; i < 10; i++) expect(picked('abc')).to.equal('10.0.0.2:1');
    watches.get('10.0.0.2:1')?.says('unhealthy');
    expect(picked('abc')).to.equal('10.0.0.2:1');
    const endpoint = cluster.all().find(({ address }) => address === '10.0.0.2:1')!;
    expect(String(explainPick(cluster, endpoint, 0, 'abc'))).to.include('an operator pinned the call');
    expect(picked('xyz')).not.to.equal('10.0.0.2:1');
  });

  it('an endpoint that the call has used, or that is gone, is not picked, and no other takes its place', () => {
    const { cluster, publish, picked } = started();
    cluster.pinEndpoint('10.0.0.2:1', 'abc');
    const used = new Set(cluster.all().filter(({ address }) => address === '10.0.0.2:1'));
    expect(pickFrom(cluster, 0, used, 'abc')).to.equal(null);
    publish([spec('10.0.0.1:1')]);
    expect(picked('abc')).to.equal(undefined);
    expect(cluster.pinEndpoint('10.0.0.2:1', 'def')).to.equal(false);
  });

  it('ends with its time, and calls of the cluster are then not inspected any more', () => {
    const { cluster, clock } = started();
    cluster.pinEndpoint('10.0.0.2:1', 'abc');
    expect(cluster.affinity).not.to.equal(null);
    clock.advance(pinLifetimeMs);
    expect(cluster.affinity).to.equal(null);
    expect(clock.pending).to.equal(0);
  });

  it('the oldest goes where there are too many, and all go with the cluster', () => {
    const { cluster, clock } = started();
    for (let i = 0; i <= pinsMax; i++) cluster.pinEndpoint('10.0.0.2:1', `pin ${i}`);
    expect(cluster.affinity?.keyOf(head('pin 0'), '')).to.equal('');
    expect(cluster.affinity?.keyOf(head('pin 1'), '')).to.equal('pin 1');
    cluster.stop();
    expect(clock.pending).to.equal(0);
  });

  it('a reload of the cluster keeps pins, and other calls keep the affinity of its policy', () => {
    const { cluster, picked } = started();
    cluster.pinEndpoint('10.0.0.2:1', 'abc');
    const affinity = { keyOf: () => 'user 7', bind: (reply: HeaderBlock) => reply };
    cluster.reconfigure({ ...cluster.settings, affinity }, null);
    expect(picked('abc')).to.equal('10.0.0.2:1');
    expect(cluster.affinity?.keyOf(head('other'), '')).to.equal('user 7');
  });
});
