import { expect } from 'chai';
import { commands } from '../../../src/cli/commands.ts';
import { commandHelp, overview, showHelp } from '../../../src/cli/help.ts';
import { CapturedIo } from './support.ts';

describe('cli/help', () => {
  it('lists every command, and for each every flag with its variable', () => {
    for (const command of commands) {
      const { name, summary, flags, examples } = command;
      expect(examples, name).to.have.length.greaterThan(0);
      for (const example of examples) expect(commandHelp(command)).to.include(`\n  ${example}\n`);
      expect(overview(commands)).to.include(name).and.to.include(summary);
      for (const flag of flags) {
        expect(commandHelp(command)).to.include(`--${flag.name}`);
        if (flag.variable !== undefined) expect(commandHelp(command)).to.include(flag.variable);
      }
    }
  });

  it('fits into 100 columns without trailing spaces', () => {
    for (const text of [overview(commands), ...commands.map(commandHelp)]) {
      for (const line of text.split('\n')) {
        expect(line.length, line).to.be.at.most(100);
        expect(line).to.equal(line.trimEnd());
      }
    }
  });

  it('goes to standard output and ends with 0', async () => {
    const io = new CapturedIo();
    expect(await showHelp({ topic: 'run' }, io, commands)).to.equal(0);
    expect(io.out).to.match(/^Usage: outrigger run /);
    expect(io.err).to.equal('');
  });
});
