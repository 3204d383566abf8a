import { expect } from 'chai';
import type { GroupsReport } from '../../../src/admin/call-groups/group-calls.ts';
import { parseArguments } from '../../../src/cli/arguments.ts';
import { groupsText, sortGroups } from '../../../src/cli/call-groups/groups-text.ts';
import type { Screen } from '../../../src/cli/io.ts';
import { plainLayout } from '../../../src/cli/table.ts';
import { afterKey, frame, type TopState, top } from '../../../src/cli/top.ts';
import { pause } from '../../../src/core/clock.ts';
import { type AdminRig, startAdminRig } from '../../support/admin-rig.ts';
import { CapturedIo, runCommand } from './support.ts';

const group = (name: string, calls: number, errors: number, p99Ms: number) => ({
  name,
  scope: '',
  calls,
  errors,
  clientErrors: 0,
  attempts: calls,
  perSecond: calls / 10,
  p50Ms: 1,
  p90Ms: 2,
  p99Ms,
});
const report: GroupsReport = {
  by: 'method',
  observedMs: 10_000,
  total: group('', 40, 3, 9),
  groups: [group('a.B/Busy', 30, 0, 9), group('a.B/Failing', 10, 3, 5)],
  leftOut: 0,
};
const start: TopState = { by: 'method', sort: 'rate', isPaused: false, isOver: false };

describe('cli/top', () => {
  let rig: AdminRig;
  before(async () => {
    rig = await startAdminRig();
  });
  after(() => rig.close());

  it('sorts groups by a figure, from the greatest, or by name', () => {
    const names = (sort: 'rate' | 'errors' | 'name') =>
      sortGroups(report.groups, sort).map(({ name }) => name);
    expect(names('rate')).to.deep.equal(['a.B/Busy', 'a.B/Failing']);
    expect(names('errors')).to.deep.equal(['a.B/Failing', 'a.B/Busy']);
    expect(names('name')).to.deep.equal(['a.B/Busy', 'a.B/Failing']);
  });

  it('shows the figures of each group, and those that matter most at 80 columns', () => {
    expect(groupsText(report, 'errors', plainLayout)).to.equal(
      '40 calls ended in the last 10.0 s.\n' +
        'PER S  CALLS  ERRORS  ERROR RATE  CLIENT ERRORS  ATTEMPTS      P50      P90      P99  METHOD\n' +
        '  1.0     10       3       30.0%              0        10  1.00 ms  2.00 ms  5.00 ms  a.B/Failing\n' +
        '  3.0     30       0        0.0%              0        30  1.00 ms  2.00 ms  9.00 ms  a.B/Busy\n',
    );
    expect(groupsText(report, 'rate', { columns: 80, hasStyles: false })).to.include(
      'PER S  CALLS  ERRORS  ERROR RATE      P50      P90      P99  METHOD\n',
    );
  });

  it('changes view, order and pause by key, and ends with q or Ctrl-C', () => {
    expect(afterKey(start, 'e').by).to.equal('endpoint');
    expect(afterKey(start, 'i').by).to.equal('client');
    expect(afterKey(start, 's').sort).to.equal('calls');
    expect(afterKey({ ...start, sort: 'name' }, 's').sort).to.equal('rate');
    expect(afterKey(start, ' ').isPaused).to.equal(true);
    for (const key of ['q', '\x03']) expect(afterKey(start, key).isOver).to.equal(true);
    expect(afterKey(start, '\x1b[A')).to.equal(start);
  });

  it('has no more rows and columns than the terminal', () => {
    const many = {
      ...report,
      groups: Array.from({ length: 50 }, (_, i) => group(`method-${'x'.repeat(99)}-${i}`, i, 0, 1)),
    };
    const size = { columns: 80, rows: 20 };
    const text = frame(start, { value: many }, size, { columns: 80, hasStyles: false });
    const lines = text.replace('\x1b[H', '').replace('\x1b[J', '').split('\r\n');
    expect(lines).to.have.length.at.most(20);
    for (const line of lines) expect([...line.replace('\x1b[K', '')].length, line).to.be.at.most(80);
    expect(text).to.include('more lines');
  });

  it('prints once without a terminal, as a table and as JSON', async () => {
    const at = ['--admin', `127.0.0.1:${rig.port}`];
    let isOver = false;
    const running = runCommand(['top', '--by', 'cluster', ...at]).finally(() => {
      isOver = true;
    });
    // The sidecar observes calls once it has been asked.
    while (!isOver) {
      rig.proxy.step();
      await pause(20);
    }
    const { code, out } = await running;
    expect(code).to.equal(0);
    expect(out)
      .to.match(/^\d+ calls ended in the last \d\.\d s\.\nPER S +CALLS .* CLUSTER\n/)
      .and.to.include(' orders\n');
    const json = JSON.parse(
      (await runCommand(['stat', '--by', 'method', '-o', 'json', ...at])).out,
    ) as GroupsReport;
    expect(json.total.calls).to.be.greaterThan(0);
    expect(json.by).to.equal('method');
  }).timeout(10_000);

  it('redraws a terminal until q is pressed, and then leaves it as it was', async () => {
    let shown = '';
    let press = (_key: string): void => {};
    let isReading = false;
    const screen: Screen = {
      columns: 80,
      rows: 24,
      hasStyles: false,
      onKey: (pressed) => {
        press = pressed;
        isReading = true;
        return () => {
          isReading = false;
        };
      },
      write: (text) => {
        shown += text;
        if (text.includes('by method,')) press('c');
        else if (text.includes('by cluster,')) press('q');
      },
    };
    const io = Object.assign(new CapturedIo(), { screen });
    const args = parseArguments(['top', '--admin', `127.0.0.1:${rig.port}`]).value?.args;
    expect(await top(args as Parameters<typeof top>[0], io, {}, { onTerminate() {} })).to.equal(0);
    expect(shown.startsWith('\x1b[?1049h\x1b[?25l')).to.equal(true);
    expect(shown.endsWith('\x1b[?25h\x1b[?1049l')).to.equal(true);
    expect(isReading).to.equal(false);
  }).timeout(10_000);

  it('ends with 3 where no sidecar answers', async () => {
    expect((await runCommand(['top', '--admin', 'unix:/nowhere/admin.sock'])).code).to.equal(3);
  });

  it('refuses what makes no sense', () => {
    const error = (...words: string[]) => parseArguments(words).error;
    expect(error('top', '--by', 'colour')).to.equal(
      '--by: "colour" is not a known value; write method, route, listener, cluster, endpoint or client',
    );
    expect(error('top', '--interval', '1ms')).to.match(/^--interval: "1ms" is out of range/);
    expect(error('stat', '--sort', 'errors')).to.equal(
      '--sort requires --by; write outrigger stat --by method --sort errors',
    );
  });
});
