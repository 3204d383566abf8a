import { expect } from 'chai';

const module = new URL('../../../../src/admin/dashboard/statuses.js', import.meta.url).href;

describe('admin/dashboard/statuses', () => {
  it('divides the errors of each second by status, and a status keeps its place', async () => {
    const { createStatuses } = await import(module);
    const statuses = createStatuses();
    const history = [{ statuses: { A: 3 } }, {}, { statuses: { A: 1, B: 2 } }];
    expect(statuses.of(history)).to.deep.equal({
      names: ['A', 'B'],
      totals: [4, 2],
      lists: [
        [3, 0, 1],
        [0, 0, 2],
      ],
    });
    const later = [...history, { statuses: { B: 9 } }];
    expect(statuses.of(later).names).to.deep.equal(['A', 'B']);
  });

  it('adds up what is not among the most frequent', async () => {
    const { createStatuses, statusesShown } = await import(module);
    const seconds = [
      { statuses: Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`S${i}`, 10 - i])) },
    ];
    const { names, totals, lists } = createStatuses().of(seconds);
    expect(names).to.have.length(statusesShown + 1);
    expect([names.at(-1), totals.at(-1), lists.at(-1)]).to.deep.equal(['other statuses', 14, [14]]);
    expect(createStatuses().of([])).to.deep.equal({ names: [], totals: [], lists: [] });
  });
});
