import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { commands } from '../../../src/cli/commands.ts';
import { manPage } from '../../../src/cli/man.ts';
import { runCommand } from './support.ts';

describe('cli/man', () => {
  it('has every command with its flags, examples and variables', async () => {
    const { code, out } = await runCommand(['man']);
    expect(code).to.equal(0);
    for (const { name, flags, examples } of commands) {
      expect(out).to.include(`.SS outrigger ${escaped(name)}\n`);
      for (const flag of flags) expect(out).to.include(escaped(`--${flag.name}`));
      for (const example of examples) expect(out).to.include(`${escaped(example)}\n`);
    }
    for (const code of [0, 1, 2, 3]) expect(out).to.include(`\n.B ${code}\n`);
    expect(out).to.include('.B OUTRIGGER_ADMIN\n').and.to.include('.B NO_COLOR\n');
  });

  it('shows text that looks like a request or an escape of roff as it is', function () {
    const command = { ...commands[0], detail: ['.sp', "'it\\fB", 'a-b'], examples: [], flags: [] };
    const shown = render(manPage([command], '1.2.3'));
    if (shown === null) return this.skip();
    expect(shown).to.include('.sp').and.to.include("'it\\fB").and.to.include('a-b');
  });

  it('is a page that mandoc accepts without a warning but that it has no date', async function () {
    const lint = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning'], {
      input: (await runCommand(['man'])).out,
      encoding: 'utf8',
    });
    if (lint.error !== undefined && process.env.CI === undefined) return this.skip();
    const warnings = lint.stdout.split('\n').filter((line) => line !== '' && !line.includes('missing date'));
    expect(warnings).to.deep.equal([]);
  });
});

function escaped(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('…', '...').replaceAll("'", '\\(aq');
}

/** Returns the page as a terminal shows it; null where mandoc is missing outside of CI. */
function render(page: string): string | null {
  const { stdout, error } = spawnSync('mandoc', ['-T', 'ascii', '-mandoc'], {
    input: page,
    encoding: 'utf8',
  });
  if (error !== undefined && process.env.CI === undefined) return null;
  // Bold is a character, a backspace and the same character.
  return stdout.split('\b').reduce((text, part) => text.slice(0, -1) + part);
}
