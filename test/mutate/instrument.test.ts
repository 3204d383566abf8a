import { stripTypeScriptTypes } from 'node:module';
import { expect } from 'chai';
import { parseSamples } from '../check/program.ts';
import { changeOf } from './accepted.ts';
import { prepare } from './campaign.ts';
import { type Instrumented, instrument } from './instrument.ts';

function instrumented(text: string): Instrumented {
  return instrument(parseSamples({ 'src/a.ts': text })[0]!, 1);
}

function changes(text: string): string[] {
  return instrumented(text).mutants.map(changeOf);
}

/** Runs an instrumented body with one mutant awake; it has to be JavaScript. */
function run(source: string, active: number, args: Record<string, unknown>): unknown {
  const names = Object.keys(args);
  const body = source.slice(source.indexOf(';') + 1);
  return new Function('$mutant', ...names, body)(
    (number: number) => number === active,
    ...names.map((name) => args[name]),
  );
}

describe('the mutants of a file', () => {
  const changed: readonly (readonly [string, readonly string[]])[] = [
    ['x(a < b)', ['x(a < b) → (removed)', 'a < b → a <= b']],
    ['x(a === b && c)', ['x(a === b && c) → (removed)', 'a === b && c → a === b || c', 'a === b → a !== b']],
    ['const x = a ?? b;', ['a ?? b → a']],
    ['const x = [1, true];', ['[1, true] → []', '1 → 1 + 1', 'true → false']],
    ['const x = 5n;', ['5n → 5n + 1n']],
    ['if (a) a++;', ['a → true', 'a → false', 'a++; → (removed)', 'a++ → a--']],
    ['const x = (a) => a.filter(b);', ['a.filter(b) → a', 'a.filter(b) → undefined']],
    ['const x = Math.min(a, b);', ['Math.min(a, b) → Math.max(a, b)']],
    ['const x = a.toString();', []],
    ['while (a) { break; }', ['a → false', 'break; → (removed)']],
  ];
  for (const [text, expected] of changed)
    it(`of "${text}"`, () => expect(changes(text)).to.have.members(expected));

  const unchanged: readonly (readonly [string, string])[] = [
    ['the number of a property in a pattern', 'const { 0: x } = y;'],
    ['types', 'type A = 1 | true; interface B { c: 2 }; let d: [1, 2] | undefined;'],
    ['log messages', 'logger.warn("x", 1 + 2);'],
    ['the data of errors', 'const x = new ParseError(1 < 2);'],
    ['text', 'const x = `$' + '{1 + 2}`; const y = "a" + b;'],
  ];
  for (const [what, text] of unchanged)
    it(`are none of ${what}`, () => expect(changes(text)).to.deep.equal([]));

  it('leave the numbers of a long table alone, but empty it', () => {
    const table = `[${Array.from({ length: 17 }, (_, index) => index).join(', ')}]`;
    expect(changes(`const x = ${table};`)).to.deep.equal([`${table} → []`]);
  });

  it('take a throw away, but change nothing inside it', () => {
    expect(changes('throw new Problem(1 < 2);')).to.deep.equal(['throw new Problem(1 < 2); → (removed)']);
  });

  it('have ids that do not depend on the number of the line', () => {
    const idsOf = (text: string): string[] => instrumented(text).mutants.map(({ id }) => id);
    expect(idsOf('\n\nx(a < b);')).to.deep.equal(idsOf('x(a < b);'));
    expect(new Set(idsOf('x(1, 1, 1);')).size).to.equal(4);
  });

  it('sleep until they are named, all in one source', () => {
    const text = 'const sum = (a) => a < 10 ? a + 1 : 0;\nif (start > 5) return sum(start); else return -1;';
    const { source, mutants } = instrumented(text);
    const original = run(text.replace(/^/, ';'), 0, { start: 6 });
    expect(run(source, 0, { start: 6 })).to.equal(original);
    expect(source.split('\n')).to.have.length(2);
    const numberOf = (change: string): number =>
      mutants.find((mutant) => changeOf(mutant) === change)!.number;
    expect(run(source, numberOf('start > 5 → start >= 5'), { start: 5 })).to.equal(6);
    expect(run(source, numberOf('a + 1 → a - 1'), { start: 6 })).to.equal(5);
    expect(run(source, numberOf('sum(start) → undefined'), { start: 6 })).to.equal(undefined);
  });

  it('make a source that Node can load, of every file of src/', function () {
    this.timeout(60_000);
    const { mutants, start } = prepare('src');
    expect(mutants.length).to.be.greaterThan(10_000);
    for (const [url, source] of Object.entries(start.sources))
      expect(() => stripTypeScriptTypes(source), url).not.to.throw();
  });

  it('leave an else with its own if', () => {
    const { source, mutants } = instrumented('if (a) x(1); else x(2);');
    const seen: unknown[] = [];
    const removed = mutants.find((mutant) => changeOf(mutant) === 'x(1); → (removed)')!;
    run(source, removed.number, { a: true, x: (value: unknown) => seen.push(value) });
    expect(seen).to.deep.equal([]);
  });
});
