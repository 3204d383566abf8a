import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseSamples } from '../check/program.ts';
import { AcceptedList, readAccepted } from './accepted.ts';
import { instrument, type Mutant } from './instrument.ts';
import { sample } from './sample.ts';

const [mutant] = instrument(parseSamples({ 'src/a.ts': 'const x = a < b;' })[0]!, 1).mutants as [Mutant];
const entry = { file: 'src/a.ts', line: 'const x = a < b;', change: 'a < b → a <= b', reason: 'never equal' };

describe('the list of accepted mutants', () => {
  it('gives the reason for a mutant by its line and its change', () => {
    const list = new AcceptedList([entry]);
    expect(list.reasonFor(mutant)).to.equal('never equal');
    expect(list.stale(new Set(['src/a.ts']))).to.deep.equal([]);
  });

  it('names the entries whose line has changed, of the files that were checked', () => {
    const gone = { ...entry, line: 'const y = a < b;' };
    const list = new AcceptedList([gone]);
    expect(list.reasonFor(mutant)).to.equal(null);
    expect(list.stale(new Set(['src/a.ts']))).to.deep.equal([gone]);
    expect(list.stale(new Set(['src/b.ts']))).to.deep.equal([]);
  });

  it('takes no entry without a reason', () => {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-accepted-'));
    try {
      writeFileSync(join(folder, 'a.json'), JSON.stringify([entry, { ...entry, reason: ' ' }]));
      expect(() => readAccepted(folder)).to.throw('a.json: entry 2 has no "reason"');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the accepted mutants of the sources', () => {
  it('each stand on a line that is there: what has moved or gone is accepted no more', () => {
    const linesOf = (file: string): string[] =>
      existsSync(file)
        ? readFileSync(file, 'utf8')
            .split('\n')
            .map((line) => line.trim())
        : [];
    const stale = readAccepted('test/mutate/accepted').filter(
      ({ file, line }) => !linesOf(file).includes(line),
    );
    expect(stale).to.deep.equal([]);
  });
});

describe('a sample', () => {
  const all = Array.from({ length: 100 }, (_, index) => index);

  it('is the same for the same seed, in order and without repetition', () => {
    const drawn = sample(all, 20, 7);
    expect(sample(all, 20, 7)).to.deep.equal(drawn);
    expect(sample(all, 20, 8)).not.to.deep.equal(drawn);
    expect([...new Set(drawn)].sort((a, b) => a - b)).to.deep.equal(drawn);
    expect(drawn).to.have.length(20);
  });

  it('is everything where there is no more', () => {
    expect(sample(all, 200, 7)).to.deep.equal(all);
  });
});
