import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { callReference } from '../../src/core/call-reference.ts';
import type { CallRecord } from '../../src/telemetry/call-record.ts';
import { type AdminRig, startAdminRig } from '../support/admin-rig.ts';
import { eventfulClusters } from '../support/fake-clusters.ts';
import { withExplanation } from '../support/fake-explained.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { type Browser, browserMissing, diagnosticsOf, launchBrowser } from './chromium.ts';

const addresses = [
  '10.42.0.17:8443',
  '10.42.1.4:8443',
  '10.42.1.9:8443',
  '10.42.2.30:8443',
  '10.42.2.31:8443',
];

describe('dashboard: explanation of a call', function () {
  judgesRealTime(this, 'the page of a real browser has to show within seconds');
  let browser: Browser;
  let rig: AdminRig;
  let page: Page;
  let call: CallRecord;
  let diagnostics: string[];

  before(async function () {
    if (browserMissing() !== undefined) this.skip();
    browser = await launchBrowser();
  });
  after(() => browser?.close());
  beforeEach(async () => {
    rig = await startAdminRig();
    const [, orders] = eventfulClusters;
    call = withExplanation(rig.proxy.call(orders, orders.endpoints[0], true), addresses);
    rig.proxy.failed.unshift(call);
    page = await browser.context.newPage();
    diagnostics = diagnosticsOf(page);
  });
  afterEach(async () => {
    await page?.close();
    await rig?.close();
  });
  const open = async (fragment: string): Promise<void> => {
    await page.goto(`http://127.0.0.1:${rig.port}/${fragment}`);
  };
  const cellsOf = async (table: string): Promise<string[][]> => {
    const rows = await page.locator(`${table} tbody tr`).all();
    const texts = await Promise.all(rows.map((row) => row.locator('th, td').allInnerTexts()));
    return texts.map((cells) => cells.map((text) => text.replace(/\s+/g, ' ').trim()));
  };

  for (const [name, keyOf] of [
    ['its number', (one: CallRecord) => String(one.id)],
    ['the id of an error reply', (one: CallRecord) => callReference(one.id)],
  ] as const)
    it(`opens by a link with ${name}, and shows routes, candidates, draws and the winner`, async () => {
      await open(`#explain/${keyOf(call)}`);
      const dialog = page.locator('#explain');
      await dialog.locator('.candidates').first().waitFor();
      expect(await cellsOf('.compared')).to.deep.equal([
        ['admin', 'no match', 'pathPrefix is /admin'],
        ['beta', 'no match', 'header x-beta is missing'],
        ['orders', 'matches', 'grpc.service shop.v1.Orders'],
      ]);
      const attempts = dialog.locator('.attempt-part');
      expect(await attempts.count()).to.equal(2);
      expect(await cellsOf('.attempt-part:nth-of-type(2) .candidates')).to.deep.equal([
        ['10.42.1.4:8443 zone eu-west-1b', '2', '2', '1.00', 'healthy', 'picked'],
        ['10.42.2.31:8443 zone eu-west-1b', '5', '1', '5.00', 'healthy', 'drawn'],
        ['10.42.0.17:8443 zone eu-west-1a', '1', '1', '1.00', 'healthy', ''],
        ['10.42.1.9:8443 zone eu-west-1c', '3', '1', '3.00', 'healthy', ''],
        [
          '10.42.2.30:8443 zone eu-west-1a',
          '4',
          '2',
          '2.00',
          'not usable ejected after 5 consecutive failures',
          '',
        ],
      ]);
      const first = await attempts.first().innerText();
      expect(first).to.include('lower active/weight of two: 10.42.0.17:8443 and 10.42.2.31:8443');
      expect(first).to.include('retried on another endpoint after 25 ms, by retry.on unavailable');
      expect(await dialog.locator('.waterfall li').count()).to.equal(2);
      expect(await dialog.locator('.advice li').count()).to.be.above(0);
      expect(await dialog.innerText()).to.include('delayed the request by 5 ms');
      expect(await page.locator('#explain-link').getAttribute('href')).to.equal(`/explain/${keyOf(call)}`);
      expect(diagnostics).to.deep.equal([]);
    });

  it('follows a link to another call, and goes with the address', async () => {
    const other = { ...call, id: call.id + 1 };
    rig.proxy.failed.push(other);
    await open(`#explain/${call.traceId}`);
    await page.locator('#explain a', { hasText: `#${other.id}` }).click();
    await page.locator('#explain-title', { hasText: `Request ${other.id}` }).waitFor();
    await page.goBack();
    await page.locator('#explain-title', { hasText: `Request ${call.traceId}` }).waitFor();
    await page.locator('#explain button', { hasText: 'Close' }).click();
    await page.locator('#explain').waitFor({ state: 'hidden' });
    expect(new URL(page.url()).hash).to.equal('');
    expect(await page.locator('#clusters tbody tr').count()).to.be.above(0);
  });

  it('says why there is nothing to explain', async () => {
    await open('#explain/999999');
    await page.locator('#explain .problem', { hasText: 'There is no call 999999' }).waitFor();
    await page.keyboard.press('Escape');
    await open('#explain/%zz');
    await page.locator('#explain .problem', { hasText: 'is not the id of a call' }).waitFor();
  });

  it('fits a narrow and a wide screen', async () => {
    await open(`#explain/${call.id}`);
    await page.locator('#explain .candidates').first().waitFor();
    for (const width of [360, 768, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      const wide = await page.evaluate(
        `[...document.querySelectorAll('#explain, #explain *')].filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && getComputedStyle(e).display !== 'inline' && !e.closest('thead')).map((e) => e.className || e.id)`,
      );
      expect(wide, `${width}`).to.deep.equal([]);
    }
  });
});
