import { expect } from 'chai';
import { parseSource, rawOf, sourceNodesMax, sourceOf } from '../../../src/config/source.ts';
import { formatProblem } from '../../../src/schema/problem.ts';

function problemsOf(text: string): string[] {
  return (parseSource('f.yaml', text).problems ?? []).map(formatProblem);
}

describe('config/source', () => {
  it('knows the place of every key and value', () => {
    const { value } = parseSource('f.yaml', 'a:\n  - b: 1\n    "c d": [x, ~]\n');
    if (value?.kind !== 'map') throw new Error('no mapping');
    const list = value.entries[0].value;
    if (list.kind !== 'list' || list.items[0].kind !== 'map') throw new Error('no list of mappings');
    const [b, c] = list.items[0].entries;
    expect(b.keyPlace).to.deep.equal({ file: 'f.yaml', line: 2, column: 5 });
    expect(b.value.place).to.deep.equal({ file: 'f.yaml', line: 2, column: 8 });
    expect(c.key).to.equal('c d');
    expect(c.value.place).to.deep.equal({ file: 'f.yaml', line: 3, column: 12 });
  });

  it('reads YAML 1.2, where yes is a text and 0o17 a number', () => {
    const { value } = parseSource('f.yaml', '{ a: yes, b: 0o17, c: true, d: null, e: "1", f: 1.50 }');
    expect(value && { ...(rawOf(value) as object) }).to.deep.equal({
      a: 'yes',
      b: 15,
      c: true,
      d: null,
      e: '1',
      f: 1.5,
    });
  });

  it('writes aliases out', () => {
    const { value } = parseSource('f.yaml', 'a: &x [1, 2]\nb: *x\nc: &x 3\nd: *x\n');
    expect(value && { ...(rawOf(value) as object) }).to.deep.equal({ a: [1, 2], b: [1, 2], c: 3, d: 3 });
  });

  it('reports every error of syntax with its place', () => {
    expect(problemsOf('listeners:\n  - name: a\n   listen: x\n\tclusters: [\n')).to.deep.equal([
      'f.yaml:3:4: this line is indented by 3 spaces, which is not the indentation of any key above; indent it by 2 or 4',
      'f.yaml:4:1: a tab indents this line; use spaces',
    ]);
    expect(problemsOf('a: 1\n---\nb: 2\n')).to.deep.equal([
      'f.yaml:2:1: there is more than one document; write one',
    ]);
    expect(problemsOf('a: "\\\0\u001b"\n')).to.deep.equal([
      'f.yaml:1:5: "\\\\\\u0000" is not an escape sequence; write \\\\ for a backslash, or use single quotes',
    ]);
    expect(problemsOf('a: !secret x\n')).to.deep.equal([
      'f.yaml:1:4: "!secret" is a tag, and tags are not supported; remove it, or put the value in quotes',
    ]);
    expect(problemsOf('a: *b\n')[0]).to.include('f.yaml:1:4: ');
  });

  it('bounds an alias bomb', () => {
    const rows = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i++)
      rows.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    expect(problemsOf(rows.join('\n'))[0]).to.include(`there are more than ${sourceNodesMax} values`);
  });

  it('bounds depth, and an alias of what holds it', () => {
    expect(problemsOf('a: &a [*a]\n')).to.deep.equal([
      'f.yaml:1:7: this is nested too deeply, or refers to itself',
    ]);
    expect(problemsOf('['.repeat(40) + ']'.repeat(40))[0]).to.include('nested too deeply');
    expect(problemsOf('['.repeat(20_000))).to.have.length(1);
  });

  it('takes time in proportion to the number of keys', () => {
    const { value } = parseSource('f.yaml', 'k: 1\n'.repeat(20_000));
    expect(value?.kind === 'map' && value.entries).to.have.length(20_000);
  });

  it('gives plain values one place', () => {
    const place = { file: '--to', line: 0, column: 0 };
    const node = sourceOf([{ address: 'a:1', weight: 2 }], place);
    expect(rawOf(node)).to.deep.equal([Object.assign(Object.create(null), { address: 'a:1', weight: 2 })]);
    expect(node.kind === 'list' && node.items[0].place).to.equal(place);
  });
});
