import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { type AdminRig, startAdminRig } from '../support/admin-rig.ts';
import { manyClusters } from '../support/fake-clusters.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { type Browser, browserMissing, launchBrowser } from './chromium.ts';

/** The largest sum of layout shifts that a user does not notice, by web.dev's definition of "good". */
const layoutShiftMax = 0.1;

/** Adds up what moves from the first paint on, without what the reader caused. */
const watchLayoutShift = `
  window.layoutShift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.layoutShift += entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
`;

describe('dashboard with many endpoints', function () {
  judgesRealTime(this, 'the page of a real browser has to show within seconds');
  let browser: Browser;
  let rig: AdminRig;
  let page: Page;

  before(async function () {
    if (browserMissing() !== undefined) this.skip();
    browser = await launchBrowser();
  });
  after(() => browser?.close());
  afterEach(async () => {
    await page?.close();
    await rig?.close();
  });
  const open = async (endpoints: number, width = 1440) => {
    rig = await startAdminRig(manyClusters(endpoints));
    const [cluster] = manyClusters(endpoints);
    for (let i = 0; i < 6; i++)
      rig.proxy.failed.push(rig.proxy.call(cluster, cluster.endpoints[i % cluster.endpoints.length], true));
    page = await browser.context.newPage();
    await page.setViewportSize({ width, height: 900 });
    await page.addInitScript(watchLayoutShift);
    await page.goto(`http://127.0.0.1:${rig.port}/`);
    await page.locator('#clusters tbody tr').first().waitFor();
  };
  const height = () => page.evaluate('document.documentElement.scrollHeight') as Promise<number>;
  const addresses = (cluster: string) =>
    page.locator(`section[aria-label="Cluster ${cluster}"] tbody .address`).allTextContents();

  for (const [width, heightMax] of [
    [1440, 3_200],
    [360, 5_000],
  ])
    it(`is at most ${heightMax} pixels high at a width of ${width}, and nothing moves on load`, async () => {
      await open(100, width);
      for (let i = 0; i < 3; i++) {
        rig.proxy.step();
        await page.waitForResponse((r) => r.url().includes('/live'), { timeout: 100 }).catch(() => {});
      }
      expect(await height()).to.be.at.most(heightMax);
      expect(await page.evaluate('window.layoutShift')).to.be.at.most(layoutShiftMax);
      const top = await page.locator('#calls').boundingBox();
      const clusters = await page.locator('#clusters').boundingBox();
      expect(top!.y, 'failed requests come before the clusters').to.be.below(clusters!.y);
      await page.close();
      await rig.close();
      await open(12, width);
      const few = await height();
      await page.close();
      await rig.close();
      await open(400, width);
      expect(await height(), 'four hundred endpoints').to.be.at.most(Math.max(few, heightMax));
    });

  it('shows endpoints with problems first, and sorts by any column, by mouse and keyboard', async () => {
    await open(100);
    const cluster = page.locator('section[aria-label="Cluster checkout"]');
    const words = await cluster.locator('tbody .pill').allTextContents();
    expect(words.slice(0, 4)).to.deep.equal(['ejected', 'ejected', 'ejected', 'unhealthy']);
    await cluster.locator('thead button', { hasText: 'Endpoint' }).click();
    expect(await cluster.locator('thead th').first().getAttribute('aria-sort')).to.equal('ascending');
    const ascending = await addresses('checkout');
    expect(ascending.slice(0, 3)).to.deep.equal(['10.42.0.10:8443', '10.42.0.11:8443', '10.42.0.12:8443']);
    await cluster.locator('thead button', { hasText: 'Endpoint' }).press('Enter');
    expect(await addresses('checkout')).to.deep.equal(ascending.reverse());
    await cluster.locator('thead button', { hasText: 'p99' }).click();
    const p99 = await cluster.locator('tbody .c-p99').allTextContents();
    const figures = p99.map((text) => Number.parseFloat(text));
    expect(figures[0]).to.equal(Math.max(...figures.filter((n) => !Number.isNaN(n))));
  });

  it('filters endpoints while the reader types, and says how many match', async () => {
    await open(100);
    const cluster = page.locator('section[aria-label="Cluster checkout"]');
    await cluster.locator('input[type="search"]').pressSequentially('eject');
    await cluster.locator('.count', { hasText: '3 of 30 rows' }).waitFor();
    expect(await addresses('checkout')).to.have.length(3);
    await cluster.locator('input[type="search"]').fill('no such endpoint');
    await cluster.locator('.empty', { hasText: 'No row matches the filter.' }).waitFor();
  });

  it('collapses clusters, and keeps them as the reader left them', async () => {
    await open(100);
    const fold = (name: string) => page.locator(`section[aria-label="Cluster ${name}"] .fold`);
    expect(await fold('checkout').getAttribute('aria-expanded')).to.equal('true');
    expect(await fold('images').getAttribute('aria-expanded'), 'there is no room for all').to.equal('false');
    await fold('images').press('Enter');
    await fold('checkout').click();
    rig.proxy.step();
    await page.locator('section[aria-label="Cluster images"] tbody tr').first().waitFor();
    expect(await fold('checkout').getAttribute('aria-expanded')).to.equal('false');
    expect(await page.locator('section[aria-label="Cluster checkout"] .card-body').isHidden()).to.equal(true);
  });
});
