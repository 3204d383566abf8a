import { expect } from 'chai';
import { parseArguments } from '../../../src/cli/arguments.ts';
import { type AdminRig, startAdminRig } from '../../support/admin-rig.ts';
import { runCommand } from './support.ts';

describe('cli/log-level', () => {
  let rig: AdminRig;
  before(async () => {
    rig = await startAdminRig();
  });
  after(() => rig.close());
  const run = (...words: string[]) => runCommand(['log-level', ...words, '--admin', `127.0.0.1:${rig.port}`]);

  it('shows the level, sets another one, and shows that', async () => {
    expect(await run()).to.deep.equal({ code: 0, out: 'info\n', err: '' });
    expect(await run('debug')).to.deep.equal({ code: 0, out: 'debug\n', err: '' });
    expect(rig.proxy.asked).to.include('level debug');
    expect(JSON.parse((await run('-o', 'json')).out)).to.deep.equal({ logLevel: 'debug' });
    expect(JSON.parse((await run('warn', '-o', 'json')).out)).to.deep.equal({ logLevel: 'warn' });
  });

  it('refuses what is no level, before it asks anybody', () => {
    expect(parseArguments(['log-level', 'debgu']).error).to.equal(
      '"debgu" is not a log level; did you mean debug?',
    );
    expect(parseArguments(['log-level', '9']).error).to.equal(
      '"9" is not a log level; write debug, info, warn or error',
    );
  });

  it('ends with 3 where no sidecar answers', async () => {
    const { code, err } = await runCommand(['log-level', '--admin', 'unix:/nowhere/admin.sock']);
    expect(code).to.equal(3);
    expect(err).to.match(/^nothing listens on unix:\/nowhere\/admin\.sock; start the sidecar/);
  });
});
