import { expect } from 'chai';
import fc from 'fast-check';
import { plainLayout, table } from '../../../src/cli/table.ts';

const columns = [
  { title: 'NAME' },
  { title: 'TOTAL', align: 'right', dropOrder: 1 },
  { title: 'PER S', align: 'right', dropOrder: 2 },
  { title: 'WHY' },
] as const;
const rows = [
  ['alpha', '10', '1.5', 'connection refused for 48 s; not used'],
  ['b', '2000', '12', 'SERVING'],
];

describe('cli/table', () => {
  it('shows every column in full where there is no limit', () => {
    expect(table(columns, rows, plainLayout)).to.equal(
      'NAME   TOTAL  PER S  WHY\n' +
        'alpha     10    1.5  connection refused for 48 s; not used\n' +
        'b       2000     12  SERVING\n',
    );
  });

  it('shortens the last column first, then leaves out columns in their order', () => {
    expect(table(columns, rows, { columns: 50, hasStyles: false })).to.equal(
      'NAME   TOTAL  PER S  WHY\n' +
        'alpha     10    1.5  connection refused for 48 s;…\n' +
        'b       2000     12  SERVING\n',
    );
    expect(table(columns, rows, { columns: 43, hasStyles: false })).to.equal(
      'NAME   TOTAL  WHY\n' + 'alpha     10  connection refused for 48 s;…\n' + 'b       2000  SERVING\n',
    );
    expect(table(columns, rows, { columns: 35, hasStyles: false })).to.equal(
      'NAME   WHY\n' + 'alpha  connection refused for 48 s…\n' + 'b      SERVING\n',
    );
  });

  it('shows the end of long texts in a column that keeps the end', () => {
    const methods = [{ title: 'N' }, { title: 'METHOD', keepsEnd: true }];
    const shown = table(methods, [['1', 'helloworld.Greeter/SayHelloStreamReply']], {
      columns: 31,
      hasStyles: false,
    });
    expect(shown).to.equal('N  METHOD\n1  …Greeter/SayHelloStreamReply\n');
  });

  it('has the width of the terminal at most, if that has room for the columns that stay', () => {
    const cell = fc.string({ maxLength: 40 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell, cell, cell), { maxLength: 5 }),
        fc.integer({ min: 80, max: 200 }),
        (cells, width) => {
          const lines = table(columns, cells, { columns: width, hasStyles: false }).split('\n');
          for (const line of lines) expect([...line].length).to.be.at.most(width);
          expect(lines).to.have.length(cells.length + 2);
        },
      ),
    );
  });

  it('styles cells without moving columns, and nothing without styles', () => {
    const cells = [[{ text: 'alpha', style: 'bad' as const }, '10', '1.5', 'x']];
    const shown = table(columns, cells, { columns: 80, hasStyles: true });
    expect(shown).to.include('\x1b[31malpha\x1b[0m     10    1.5  x\n');
    expect(table(columns, cells, plainLayout)).to.not.include('\x1b');
  });

  it('shows control characters of cells as ?', () => {
    const shown = table(columns, [['\x1b[31mred', '1', '2', 'a\nb']], { columns: 80, hasStyles: true });
    expect(shown).to.include('?[31mred').and.to.include('a?b').and.not.to.include('\x1b[31m');
  });
});
