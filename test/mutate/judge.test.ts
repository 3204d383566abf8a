import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { parseSamples } from '../check/program.ts';
import { changeOf } from './accepted.ts';
import { type Campaign, cover, judgeAll } from './campaign.ts';
import { instrument } from './instrument.ts';

const source = `export const limit = 3;
export function countTo(end: number): number {
  let count = 0;
  for (let i = 0; i < end; i++) { count += 1; }
  if (end > 100) return limit + 1;
  return count;
}
export function forever(go: boolean): number {
  let i = 0;
  while (i < 2) i += go ? 1 : 2;
  return i;
}
`;
const tests = `import { expect } from 'chai';
import { countTo, forever } from './subject.ts';
describe('the subject', () => {
  it('counts', () => expect(countTo(4)).to.equal(4));
  it('ends', () => expect(forever(true)).to.equal(2));
});
`;

describe('the judge of mutants', () => {
  let folder = '';
  before(() => {
    // Inside the repository, so that its packages are found.
    const cache = join(import.meta.dirname, '../../.cache');
    mkdirSync(cache, { recursive: true });
    folder = mkdtempSync(join(cache, 'mutate-test-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('knows which are killed, which hang, which survive and which no test reaches', async function () {
    this.timeout(120_000);
    const subject = join(folder, 'subject.ts');
    const file = join(folder, 'subject.test.ts');
    writeFileSync(subject, source);
    writeFileSync(file, tests);
    const { mutants, source: instrumented } = instrument(parseSamples({ 'src/subject.ts': source })[0]!, 1);
    const sources = { [pathToFileURL(subject).href]: instrumented };
    const campaign: Campaign = { mutants, start: { sources, count: mutants.length } };
    const problems: string[] = [];
    const plan = await cover(campaign, [file], (line) => problems.push(line));
    const wanted: Readonly<Record<string, string>> = {
      'count += 1 → count -= 1': 'killed',
      'i += go ? 1 : 2; → (removed)': 'timed out',
      'end > 100 → end >= 100': 'survived',
      'limit + 1 → limit - 1': 'not reached',
      '3 → 3 + 1': 'survived',
    };
    const chosen = mutants.filter((mutant) => changeOf(mutant) in wanted);
    const found: Record<string, string> = {};
    await judgeAll(campaign, plan, chosen, { jobs: 1, confirms: true }, (mutant, { status }) => {
      found[changeOf(mutant)] = status;
    });
    expect(problems).to.deep.equal([]);
    expect(found).to.deep.equal(wanted);
    expect(readFileSync(subject, 'utf8')).to.equal(source);
  });
});
