import { expect } from 'chai';
import { parseArguments } from '../../../src/cli/arguments.ts';
import { type AdminRig, startAdminRig } from '../../support/admin-rig.ts';
import { runCommand } from './support.ts';

interface Row {
  readonly id: number;
  readonly tally: string;
  readonly durationMs: number;
  readonly endpoint: string;
  readonly name: string;
  readonly agoMs: number;
  readonly status: string;
}

describe('cli/traces', () => {
  let rig: AdminRig;
  before(async () => {
    rig = await startAdminRig();
    for (let i = 0; i < 300; i++) rig.proxy.step();
  });
  after(() => rig.close());
  const run = (...flags: string[]) => runCommand(['traces', '--admin', `127.0.0.1:${rig.port}`, ...flags]);
  const rows = async (...flags: string[]) => JSON.parse((await run(...flags, '-o', 'json')).out) as Row[];

  it('shows each remembered call once, newest first, 20 unless more are asked for', async () => {
    expect(await rows()).to.have.length(20);
    const all = await rows('--limit', '1000');
    expect(new Set(all.map(({ id }) => id)).size)
      .to.equal(all.length)
      .and.to.be.greaterThan(20);
    const { out } = await run();
    expect(out).to.match(/^ID +AGO +STATUS +TOOK +ATTEMPTS +ENDPOINT +REQUEST\n/);
    expect(out).to.match(
      /\nThe newest 20 of \d+ calls; --limit N shows more\.\nTo see why: outrigger explain ID\n$/,
    );
  });

  it('shows failed calls, each with its reason below it', async () => {
    const failed = await rows('--failed', '--limit', '1000');
    expect(failed).to.not.have.length(0);
    for (const row of failed) expect(row.tally).to.equal('error');
    expect((await run('--failed', '--limit', '1')).out).to.match(/\n {4}\S.* closed the connection/);
  });

  it('shows the calls that match every filter', async () => {
    const all = await rows('--limit', '1000');
    const { endpoint, name, status } = all[0];
    const own = await rows(
      '--limit',
      '1000',
      '--endpoint',
      endpoint,
      '--status',
      status.replace('HTTP ', ''),
    );
    expect(own).to.deep.equal(
      all
        .filter((row) => row.endpoint === endpoint && row.status === status)
        .map((row, i) => ({ ...row, agoMs: own[i].agoMs })),
    );
    const method = name.slice(name.lastIndexOf('/') + 1);
    for (const row of await rows('--method', method)) expect(row.name.endsWith(method)).to.equal(true);
    for (const row of await rows('--slower-than', '5ms')) expect(row.durationMs).to.be.at.least(5);
    expect(await rows('--since', '0s', '--slower-than', '1h')).to.deep.equal([]);
    expect((await run('--client', 'nobody')).out).to.match(
      /^None of the \d+ remembered calls matches the filters\.\n$/,
    );
  });

  it('refuses flags that make no sense, and says what to write', () => {
    const error = (...words: string[]) => parseArguments(['traces', ...words]).error;
    expect(error('--limit', '0')).to.equal(
      '--limit: "0" is not a valid number; write a number from 1 to 1000',
    );
    expect(error('--since', 'yesterday')).to.match(/^--since: "yesterday" is not a duration/);
    expect(error('--slower-than', '5')).to.match(/^--slower-than: "5" has no unit/);
  });
});
