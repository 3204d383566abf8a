import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { pageLinks } from '../../src/admin/html-page.ts';
import { liveClientsMax } from '../../src/admin/live-events.ts';
import { type AdminRig, startAdminRig } from '../support/admin-rig.ts';
import { eventfulClusters } from '../support/fake-clusters.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { type Browser, browserMissing, diagnosticsOf, launchBrowser, textInSight } from './chromium.ts';

describe('dashboard: what a reader does', function () {
  judgesRealTime(this, 'the page of a real browser has to change within seconds');
  let browser: Browser;
  let rig: AdminRig;
  let page: Page;
  let diagnostics: string[];

  before(async function () {
    if (browserMissing() !== undefined) this.skip();
    browser = await launchBrowser();
  });
  after(() => browser?.close());
  beforeEach(async () => {
    rig = await startAdminRig();
    page = await browser.context.newPage();
    diagnostics = diagnosticsOf(page);
  });
  afterEach(async () => {
    await page?.close();
    await rig?.close();
  });
  const open = async () => {
    await page.goto(`http://127.0.0.1:${rig.port}/`);
    await page.locator('#clusters tbody tr').first().waitFor();
  };
  const drains = () => rig.proxy.asked.filter((line) => line.startsWith('endpoint'));

  it('drains an endpoint after a confirmation, by keyboard, and uses it again', async () => {
    await open();
    const row = page.locator('#clusters tbody tr', { hasText: '127.0.0.1:50052' });
    await row.locator('.switch').focus();
    await page.keyboard.press('Enter');
    await page.locator('#confirm-title', { hasText: 'Drain 127.0.0.1:50052?' }).waitFor();
    await page.keyboard.press('Escape');
    expect(drains(), 'nothing without a confirmation').to.deep.equal([]);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await row.locator('.pill', { hasText: 'draining' }).waitFor();
    expect(drains()).to.deep.equal(['endpoint 127.0.0.1:50052 true']);
    await row.locator('.switch', { hasText: 'Use again' }).click();
    await page.locator('#confirm-do').click();
    await row.locator('.pill', { hasText: 'healthy' }).waitFor();
    expect(diagnostics).to.deep.equal([]);
  });

  it('says why an endpoint could not be drained', async () => {
    await open();
    rig.proxy.endpointDrain = () => false;
    await page.locator('#clusters .switch').first().click();
    await page.locator('#confirm-do').click();
    await page.locator('#confirm-problem', { hasText: 'Not done: No cluster has an endpoint' }).waitFor();
    expect(await page.locator('#confirm').isVisible()).to.equal(true);
  });

  it('filters failed and slow requests while the reader types, and by kind', async () => {
    const [greeter, orders] = eventfulClusters;
    for (const [cluster, i] of [
      [greeter, 0],
      [greeter, 1],
      [orders, 0],
    ] as const)
      rig.proxy.failed.push(rig.proxy.call(cluster, cluster.endpoints[i], true));
    rig.proxy.slow.splice(0, 99, rig.proxy.call(greeter, greeter.endpoints[0], false));
    await open();
    const names = page.locator('#calls tbody .call-name');
    const failedAndSlow = await names.count();
    await page.locator('#calls input').pressSequentially('Greeter/Pl');
    await page.locator('#calls .count', { hasText: `2 of ${failedAndSlow} rows` }).waitFor();
    expect(await names.allTextContents()).to.deep.equal(['shop.v1.Greeter/Place', 'shop.v1.Greeter/Place']);
    await page.locator('#calls input').fill('');
    await page.locator('#calls select[aria-label="Kind of requests"]').selectOption('slow');
    expect(await names.allTextContents()).to.deep.equal(['shop.v1.Greeter/List']);
    const bars = page.locator('#calls tbody .bars');
    expect(await bars.getAttribute('aria-label')).to.match(/^OK, .*connect .*, first byte .*, body /);
    await names.click();
    await page.locator('.waterfall li').waitFor();
    expect(await page.locator('.waterfall li').textContent()).to.match(/^1\. 127\.0\.0\.1:50051/);
    expect(diagnostics).to.deep.equal([]);
  });

  it('shows errors by status, listeners with UDP sessions, certificates, and the verdict on balance', async () => {
    await open();
    rig.proxy.step();
    const udp = page.locator('#listeners tbody tr', { hasText: 'dns' });
    expect(await udp.innerText()).to.match(/4 sessions[\s\S]*2,410 in[\s\S]*dropped: 11 endpoint_refused/);
    const certificate = page.locator('#certificates tbody tr');
    expect(await certificate.innerText()).to.match(/listener outbound[\s\S]*shop\.example[\s\S]*2096-10-02/);
    rig.proxy.certificateList = [{ ...rig.proxy.certificateList[0], notAfterWallMs: Date.now() - 1 }];
    await certificate.locator('.pill', { hasText: 'expired' }).waitFor();
    const verdicts = await page.locator('.verdict').allTextContents();
    expect(verdicts).to.deep.equal(rig.proxy.clusters().map(({ balance }) => balance.text));
    expect(await page.locator('[data-chart="errors"] svg').getAttribute('aria-label')).to.match(
      /^Errors by status, last 5 minutes: /,
    );
  });

  it('shows each setting with its default and its origin, those that are set first', async () => {
    await open();
    await page.locator('.settings .fold').click();
    const rows = page.locator('.settings tbody tr');
    await rows.first().waitFor();
    expect(await rows.count(), 'without defaults').to.equal(3);
    expect((await textInSight(rows.first())).split(/\s+/)).to.deep.equal([
      'log.level',
      'debug',
      'info',
      'OUTRIGGER_LOG_LEVEL',
    ]);
    await page.locator('#with-defaults').check();
    expect(await rows.count()).to.equal(4);
    await page.locator('.settings input[type="search"]').fill('grace');
    expect(await rows.allInnerTexts()).to.have.length(1);
  });

  it('leads to every page of the API, and from each of them back', async () => {
    for (const { path, title } of pageLinks) {
      await open();
      await page.locator('footer a', { hasText: new RegExp(`^${title}$`) }).click();
      await page.waitForURL(`http://127.0.0.1:${rig.port}${path}`);
      expect(await page.locator('h1').textContent()).to.equal(title);
      expect(await page.locator('pre').textContent()).to.match(/\S/);
      expect(await page.locator('nav [aria-current="page"]').textContent()).to.equal(title);
    }
    await page.locator('nav a', { hasText: 'Live page' }).click();
    await page.locator('#clusters tbody tr').first().waitFor();
    await page.goto(`http://127.0.0.1:${rig.port}/traces`);
    await page.locator('pre a').first().click();
    expect(await page.locator('h1').textContent()).to.match(/^\/explain\/\d+$/);
    expect(diagnostics).to.deep.equal([]);
  });

  it('polls where too many pages are open, says so, and gets live data once one is closed', async () => {
    const sockets = Array.from({ length: liveClientsMax }, () => rig.connect());
    await Promise.all(
      sockets.map(async (socket) => {
        socket.write(`GET /live/events HTTP/1.1\r\nhost: 127.0.0.1:${rig.port}\r\n\r\n`);
        await new Promise((resolve) => socket.once('data', resolve));
      }),
    );
    await open();
    await page.locator('#banner', { hasText: 'updates every 10 seconds' }).waitFor();
    expect(await page.locator('#state').textContent()).to.equal('Ready');
    for (const socket of sockets) socket.destroy();
    await page.locator('#banner').waitFor({ state: 'hidden', timeout: 20_000 });
  });
});
