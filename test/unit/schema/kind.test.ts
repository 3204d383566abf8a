import { expect } from 'chai';
import { checkKinds, chosenKind, type KindContext, kindKeys, kindOf } from '../../../src/schema/kind.ts';
import { number } from '../../../src/schema/scalar-type.ts';
import { key, optionalSection } from '../../../src/schema/shape.ts';

const kind = kindOf<{ readonly unit: string }, string>();
const size = key(number({ min: 0, max: 9 }), { required: true, doc: 'A size.' });
const square = kind({
  name: 'square',
  schema: optionalSection({ doc: 'A square.' }, { side: size }),
  check({ side }, { problem, protocol }) {
    if (side === 0) problem('.side', `is 0 in ${protocol}; write 1`);
  },
  create: ({ side }, { unit }) => `a square of ${side} ${unit}`,
});
const circle = kind({
  name: 'circle',
  schema: optionalSection({ doc: 'A circle.' }, { radius: size }),
  create: ({ radius }, { unit }) => `a circle of ${radius} ${unit}`,
});
const kinds = [square, circle] as const;

describe('schema/kind', () => {
  function problemsOf(section: object): string[] {
    const problems: string[] = [];
    const context: KindContext = {
      protocol: 'http2',
      readFile: () => ({ error: 'no file' }),
      problem: (path, message) => problems.push(`${path} ${message}`),
      warning: (path, message) => problems.push(`warning ${path} ${message}`),
    };
    checkKinds(kinds, section, context);
    return problems;
  }

  it('gives a section one key for each kind, in their order', () => {
    expect(Object.keys(kindKeys(kinds))).to.deep.equal(['square', 'circle']);
    expect(kindKeys(kinds).circle).to.equal(circle.schema);
  });

  it('creates the kind that a section names, and none where it names none', () => {
    expect(chosenKind(kinds, { circle: { radius: 2 } })?.create({ unit: 'cm' })).to.equal('a circle of 2 cm');
    expect(chosenKind(kinds, { square: undefined })).to.equal(null);
  });

  it('reports what a kind finds, and two kinds at once', () => {
    expect(problemsOf({ square: { side: 1 } })).to.deep.equal([]);
    expect(problemsOf({ square: { side: 0 } })).to.deep.equal(['.square.side is 0 in http2; write 1']);
    expect(problemsOf({ circle: { radius: 1 }, square: { side: 1 } })).to.deep.equal([
      '.circle square and circle exclude each other; write one of them',
    ]);
  });
});
