import { expect } from 'chai';
import { printable, textTable } from '../../../src/admin/text-table.ts';

describe('admin/text-table', () => {
  it('aligns columns, figures to the right, and leaves no space at the end', () => {
    const table = textTable(
      [{ title: 'NAME' }, { title: 'N', align: 'right' }, { title: 'WHY' }],
      [
        ['a', '1', ''],
        ['größer', '1234', 'x'],
      ],
    );
    expect(table).to.equal('NAME       N  WHY\na          1\ngrößer  1234  x\n');
  });

  it('takes away what would steer a terminal', () => {
    expect(printable('a\u001b[2J\nb\u202ec\u009b')).to.equal('a?[2J?b?c?');
    expect(textTable([{ title: 'A' }], [['x\ny']])).to.equal('A\nx?y\n');
  });
});
