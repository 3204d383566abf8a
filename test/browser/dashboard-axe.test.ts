import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { type AdminRig, startAdminRig } from '../support/admin-rig.ts';
import { eventfulClusters, manyClusters } from '../support/fake-clusters.ts';
import { withExplanation } from '../support/fake-explained.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { loadAxe, axeViolations as violations } from './axe.ts';
import { type Browser, browserMissing, launchBrowser } from './chromium.ts';

describe('dashboard and axe', function () {
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
  const open = async (path: string) => {
    page = await browser.context.newPage();
    await page.goto(`http://127.0.0.1:${rig.port}${path}`);
    await loadAxe(page);
  };

  for (const [name, clusters] of [
    ['3 clusters', eventfulClusters],
    ['100 endpoints', manyClusters(100)],
  ] as const)
    it(`finds nothing on the live page with ${name}, narrow and wide, light and dark`, async () => {
      rig = await startAdminRig(clusters);
      const [cluster] = clusters;
      rig.proxy.failed.push(rig.proxy.call(cluster, cluster.endpoints[0], true));
      await open('/');
      await page.locator('#clusters tbody tr').first().waitFor();
      await page.locator('.settings .fold').click();
      await page.locator('.settings tbody tr').first().waitFor();
      for (const width of [360, 1440])
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.setViewportSize({ width, height: 900 });
          await page.emulateMedia({ colorScheme });
          expect(await violations(page), `${width} ${colorScheme}`).to.deep.equal([]);
        }
    });

  it('finds nothing in the dialogs', async () => {
    rig = await startAdminRig();
    const [cluster] = eventfulClusters;
    const call = rig.proxy.call(cluster, cluster.endpoints[0], true);
    rig.proxy.failed.push(
      withExplanation(
        call,
        cluster.endpoints.map(({ address }) => address),
      ),
    );
    await open('/');
    await page.locator('#calls tbody a').first().click();
    await page.locator('#explain .candidates').first().waitFor();
    for (const width of [360, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await violations(page), `${width}`).to.deep.equal([]);
    }
    await page.keyboard.press('Escape');
    await page.locator('#clusters .switch').first().click();
    expect(await violations(page)).to.deep.equal([]);
  });

  for (const path of ['/clusters', '/traces', '/config_values', '/metrics'])
    it(`finds nothing on ${path}, light and dark`, async () => {
      rig = await startAdminRig();
      await open(path);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        expect(await violations(page), colorScheme).to.deep.equal([]);
      }
    });
});
