import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { nodeProblem, nodeVersionMin } from '../../../src/cli/node-version.ts';

describe('cli/node-version', () => {
  it('says what to do on a Node that is too old, and nothing on others', () => {
    expect(nodeProblem('20.20.2')).to.equal(
      'Outrigger requires Node 22.18 or later, and this is Node 20.20.2; install a newer Node, or use the container image',
    );
    expect(nodeProblem('22.17.1')).to.be.a('string');
    for (const fine of ['22.18.0', '22.20.1', '24.0.0', '100.1.0', process.versions.node])
      expect(nodeProblem(fine), fine).to.equal(undefined);
  });

  it('is the version that package.json requires', () => {
    const { engines } = JSON.parse(
      readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
    ) as { engines: { node: string } };
    expect(nodeVersionMin).to.equal(`${engines.node.replace('>=', '')}.0`);
  });
});
