import { expect } from 'chai';
import {
  heldBytesMax,
  nameBytesMax,
  namesMax,
  problemsShownMax,
  reasonCharsMax,
  resourceBytesMax,
  resourcesMax,
} from '../../../../src/xds/client/limits.ts';
import { nackReason } from '../../../../src/xds/client/nack-reason.ts';
import { typeUrls } from '../../../../src/xds/type-urls.ts';
import { ClientRig } from '../../../support/xds-client-rig.ts';

describe('the memory that a control plane may take', () => {
  let rig: ClientRig;
  const cluster = () => rig.client.status.kinds.find(({ kind }) => kind === 'cluster');

  beforeEach(() => {
    rig = new ClientRig(true);
    rig.client.subscribe('cluster', 'all');
    rig.client.start();
    rig.settleWithin(100);
  });
  afterEach(() => rig.client.stop());

  const push = (resources: Parameters<ClientRig['responseOf']>[1]) => {
    rig.stream.toClient.push(rig.responseOf(typeUrls.cluster, resources));
    rig.settle();
  };

  it('is bounded for one resource', () => {
    push([
      { name: 'large', version: '1', body: 'x'.repeat(resourceBytesMax) },
      { name: 'small', version: '1', body: 'x' },
    ]);
    expect(rig.judge.of('cluster')).to.deep.equal({ small: 'x' });
    expect(cluster()?.lastNack).to.match(/^cluster "large": has \d+ bytes; .* \(resourceBytesMax\)$/);
  });

  it('is bounded for the number of resources that are held', () => {
    const some = (prefix: string, count: number) =>
      Array.from({ length: count }, (_, i) => ({ name: `${prefix}${i}`, version: '1', body: 'x' }));
    push(some('a', resourcesMax - 1));
    push(some('b', 3));
    expect(cluster()?.resources).to.equal(resourcesMax);
    expect(rig.judge.of('cluster')).to.include({ b0: 'x' }).and.not.have.any.keys('b1', 'b2');
    expect(cluster()?.lastNack)
      .to.contain('"b1": more than 10000 resources')
      .and.to.contain('(resourcesMax)');
    push([{ name: 'a0', version: '2', body: 'changed' }]);
    expect(rig.judge.of('cluster').a0).to.equal('changed');
  });

  it('is bounded for the bytes that are held of all kinds', () => {
    const body = 'x'.repeat(resourceBytesMax - 100);
    const room = Math.floor(heldBytesMax / resourceBytesMax);
    for (let i = 0; i <= room; i++) push([{ name: `a${i}`, version: '1', body }]);
    expect(cluster()?.resources).to.equal(room);
    expect(cluster()?.bytes).to.be.at.most(heldBytesMax);
    expect(cluster()?.lastNack).to.contain('(heldBytesMax)');
  });

  it('is bounded for the names that are requested', () => {
    const names = Array.from({ length: namesMax + 10 }, (_, i) => `n${i}`);
    rig.client.subscribe('endpoint', new Set([...names.slice(0, 5), 'x'.repeat(nameBytesMax + 1), ...names]));
    rig.settle();
    expect(rig.client.status.kinds.find(({ kind }) => kind === 'endpoint')?.requested).to.equal(namesMax);
    expect(rig.plane.requests.at(-1)?.names).to.deep.equal(names.slice(0, namesMax));
  });

  it('is bounded for the names of resources that were refused', () => {
    for (let i = 0; i < 3; i++)
      push(
        Array.from({ length: resourcesMax }, (_, j) => ({ name: `${i}-${j}`, version: '1', body: 'bad' })),
      );
    rig.settleWithin(10_000);
    expect(cluster()?.resources).to.equal(0);
    expect(cluster()?.refused).to.have.length(100);
    expect(cluster()?.refused[0].name).to.equal('2-0');
  });

  it('is bounded for the reason of a NACK', () => {
    const problem = {
      kind: 'cluster',
      name: 'n'.repeat(10_000),
      path: 'p'.repeat(10_000),
      message: 'm'.repeat(1000),
    } as const;
    const reason = nackReason(Array.from({ length: 1000 }, () => problem));
    expect(reason.length).to.equal(reasonCharsMax);
    const short = nackReason(
      Array.from({ length: 1000 }, (_, i) => ({ ...problem, name: `c${i}`, path: '', message: 'is bad' })),
    );
    expect(short).to.equal(
      `${Array.from({ length: problemsShownMax }, (_, i) => `cluster "c${i}": is bad`).join('; ')}; and ${1000 - problemsShownMax} more`,
    );
  });

  it('does not let a name or a message begin a line of the log', () => {
    expect(nackReason([{ kind: 'route', name: 'a\nb', path: 'x', message: 'is\n\u001b[31mred' }])).to.equal(
      'route "a\\nb": x: is\\n\\u001b[31mred',
    );
  });
});
