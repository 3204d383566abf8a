import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { pluralize } from '../../src/core/pluralize.ts';
import { fencesOf } from './fences.ts';
import { Workplace } from './workplace.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const guide = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md'))
  .sort();
const pages = ['README.md', 'examples/README.md', ...guide.map((name) => `docs/${name}`)];
const blocks = new Map(pages.map((page) => [page, fencesOf(readFileSync(join(root, page), 'utf8'))]));
/** A page starts up to ten processes, one after the other. */
const pageTimeoutMs = 180_000;

/**
 * Each `sh` block of the guide is run, in the order of its page, in one place for each page. A block that a test cannot run has
 * `<!-- not run: REASON -->` before it; a last command that must fail has `<!-- fails -->`. `# NAME.yaml` or `// NAME.ts` as the
 * first line of a block writes it as a file for the commands after it.
 */
describe('commands in the guide', () => {
  for (const [page, fences] of blocks) {
    const commands = fences.filter(({ language, notRun }) => language === 'sh' && notRun === undefined);
    if (commands.length === 0) continue;
    it(`${page}: ${pluralize(commands.length, 'block')} of commands in their order`, async () => {
      const place = new Workplace();
      try {
        await place.open();
        for (const fence of fences) {
          if (fence.file !== undefined) place.write(fence.file, fence.text);
          if (!commands.includes(fence)) continue;
          const { code, output } = await place.run(fence);
          const message = `${page}:${fence.line}: ${fence.text}ended with ${code}: ${output}`;
          if (fence.fails) expect(code, message).not.to.equal(0);
          else expect(code, message).to.equal(0);
        }
      } finally {
        await place.close();
      }
    }).timeout(pageTimeoutMs);
  }
});
