import { expect } from 'chai';
import { packageVersion, version } from '../../../src/cli/version.ts';
import { CapturedIo } from './support.ts';

describe('cli/version', () => {
  it('is that of package.json', () => expect(packageVersion()).to.match(/^\d+\.\d+\.\d+/));

  it('is printed as a line or as JSON', async () => {
    const [line, json] = [new CapturedIo(), new CapturedIo()];
    expect(await version({ output: 'text' }, line)).to.equal(0);
    expect(await version({ output: 'json' }, json)).to.equal(0);
    expect(line.out).to.match(/^outrigger \d+\.\d+\.\d+\S* \(node \d+\.\d+\.\d+, \w+ \w+\)\n$/);
    expect(JSON.parse(json.out)).to.include({ version: packageVersion(), node: process.versions.node });
  });
});
