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

  for (const columns of [100, 80, 60])
    it(`fits into ${columns} columns without trailing spaces, but for examples, which are to be copied`, () => {
      const texts = commands.map((command) => commandHelp(command, columns));
      for (const text of [overview(commands, columns), ...texts]) {
        const [before] = text.split('\nExamples:\n');
        for (const line of before.split('\n')) {
          expect(line.length, line).to.be.at.most(columns);
          expect(line).to.equal(line.trimEnd());
        }
      }
    });

  it('has examples of at most 100 columns', () => {
    for (const { examples } of commands)
      for (const example of examples) expect(example.length, example).to.be.at.most(98);
  });

  it('is as wide as the terminal, within bounds, and 100 columns where there is none', async () => {
    for (const [columns, widest] of [
      [undefined, 100],
      [200, 100],
      [80, 80],
      [20, 60],
    ] as const) {
      const io = new CapturedIo();
      const screen = { columns, rows: 25, hasStyles: false, write: () => {}, onKey: null };
      await showHelp({ topic: 'run' }, columns === undefined ? io : Object.assign(io, { screen }), commands);
      const run = commands.find(({ name }) => name === 'run');
      expect(io.out).to.equal(commandHelp(run!, widest));
    }
  });

  it('goes to standard output and ends with 0', async () => {
    const io = new CapturedIo();
    expect(await showHelp({ topic: 'run' }, io, commands)).to.equal(0);
    expect(io.out).to.match(/^Usage: outrigger run /);
    expect(io.err).to.equal('');
  });
});
