import { expect } from 'chai';
import { type CommandName, type CommandSpec, commands } from '../../../src/cli/commands.ts';
import { commandHelp, overview, showHelp } from '../../../src/cli/help.ts';
import { CapturedIo } from './support.ts';

const entries = Object.entries<CommandSpec>(commands) as [CommandName, CommandSpec][];

describe('cli/help', () => {
  it('lists every command, and for each every flag with its variable', () => {
    for (const [name, { summary, flags }] of entries) {
      expect(overview()).to.include(name).and.to.include(summary);
      for (const flag of flags) {
        expect(commandHelp(name)).to.include(`--${flag.name}`);
        if (flag.variable !== undefined) expect(commandHelp(name)).to.include(flag.variable);
      }
    }
  });

  it('fits into 100 columns without trailing spaces', () => {
    for (const text of [overview(), ...entries.map(([name]) => commandHelp(name))]) {
      for (const line of text.split('\n')) {
        expect(line.length, line).to.be.at.most(100);
        expect(line).to.equal(line.trimEnd());
      }
    }
  });

  it('goes to standard output and ends with 0', async () => {
    const io = new CapturedIo();
    expect(await showHelp({ topic: 'run' }, io)).to.equal(0);
    expect(io.out).to.match(/^Usage: outrigger run /);
    expect(io.err).to.equal('');
  });
});
