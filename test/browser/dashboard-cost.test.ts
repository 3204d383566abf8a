import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { type AdminRig, startAdminRig } from '../support/admin-rig.ts';
import { manyClusters } from '../support/fake-clusters.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { type Browser, browserMissing, launchBrowser } from './chromium.ts';
import { busiestRendererPercent } from './renderer-cpu.ts';

/**
 * Changes of the document for each update with 100 endpoints, on average: measured 20 to 60, and 450 when every row of an open
 * cluster was updated each second and each text replaced.
 */
const changesMax = 150;
/**
 * CPU time of the renderer process, percent of a core, drawing in software: 1.1 to 1.3 on a machine with twelve busy processes for two
 * cores, where it was 3 to 4.5 when the page showed everything every second or two. The floor is what a page costs that changes one
 * text a second: 0.2 to 0.25 on an idle machine, 0.3 to 0.4 on the busy one. The bound is a multiple of it where the machine is busy.
 */
const rendererPercentMax = 1;
const floorsMax = 5;
const floorPage =
  '<p id="n">0</p><script>let i = 0; setInterval(() => { n.firstChild.data = String(++i); }, 1000);</script>';
/** Time for a page to load, to run its code often enough for the compiler, and to become quiet, milliseconds. */
const warmUpMs = 6_000;
const measuredSeconds = 15;

/**
 * Script, style and layout for each update, milliseconds of elapsed time. Measured 8 on an idle machine, and 20 on one with eight
 * busy processes for two cores.
 */
const busyMsMax = 150;
const updates = 5;

/** Counts what changes, and remembers the endpoints whose rows change. */
const watchChanges = `
  window.changes = { count: 0, updates: 0, addresses: new Set() };
  window.enough = new Promise((done) => { window.changes.done = done; });
  new MutationObserver((records) => {
    window.changes.count += records.length;
    for (const { target } of records) {
      const element = target.nodeType === Node.TEXT_NODE ? target.parentElement : target;
      if (element?.closest('[data-tile="rate"]')) window.changes.updates++;
      const address = element?.closest('#clusters tbody tr')?.querySelector('.address');
      if (address) window.changes.addresses.add(address.textContent);
    }
    if (window.changes.updates >= ${updates}) window.changes.done();
  }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
`;

/** The addresses of the rows that are within the window and its frame, or this many pixels from it. */
const addressesWithin = (pixels: number): string => `[...document.querySelectorAll('#clusters tbody tr')]
  .filter((row) => {
    const own = row.getBoundingClientRect();
    const frame = row.closest('.scroll').getBoundingClientRect();
    const top = Math.max(0, frame.top) - ${pixels};
    const bottom = Math.min(innerHeight, frame.bottom) + ${pixels};
    return own.height > 0 && own.bottom > top && own.top < bottom;
  })
  .map((row) => row.querySelector('.address').textContent)`;

describe('dashboard: cost of an update', function () {
  judgesRealTime(this, 'the page of a real browser has to change within seconds');
  let browser: Browser;
  let rig: AdminRig;
  let page: Page;
  let steps: NodeJS.Timeout;

  before(async function () {
    if (browserMissing() !== undefined) this.skip();
    browser = await launchBrowser();
  });
  after(() => browser?.close());
  beforeEach(async () => {
    rig = await startAdminRig(manyClusters(100));
    for (let i = 0; i < 20; i++) rig.proxy.step();
    steps = setInterval(() => {
      rig.proxy.step();
      // Twelve endpoints that become slow each second would make it a page in which every row is new.
      rig.proxy.slow.length = 0;
    }, 500);
    page = await browser.context.newPage();
    await page.setViewportSize({ width: 1440, height: 1_200 });
    await page.goto(`http://127.0.0.1:${rig.port}/`);
    await page.locator('#clusters tbody tr').first().waitFor();
  });
  afterEach(async () => {
    clearInterval(steps);
    await page?.close();
    await rig?.close();
  });
  const watch = async (): Promise<void> => {
    await page.evaluate(watchChanges);
  };
  const seen = async (): Promise<{ count: number; updates: number; addresses: string[] }> => {
    return (await page.evaluate(
      'window.enough.then(() => ({ ...window.changes, addresses: [...window.changes.addresses] }))',
    )) as Awaited<ReturnType<typeof seen>>;
  };

  it(`changes at most ${changesMax} nodes for each update, and takes little time for it`, async () => {
    const devtools = await browser.context.newCDPSession(page);
    await devtools.send('Performance.enable');
    const busySeconds = async (): Promise<number> => {
      const { metrics } = await devtools.send('Performance.getMetrics');
      const parts = ['ScriptDuration', 'LayoutDuration', 'RecalcStyleDuration'];
      return metrics.reduce((sum, { name, value }) => sum + (parts.includes(name) ? value : 0), 0);
    };
    await watch();
    const before = await busySeconds();
    const { count, updates } = await seen();
    const busyMs = ((await busySeconds()) - before) * 1_000;
    expect(count / updates, 'changes of the document').to.be.within(1, changesMax);
    expect(busyMs / updates, 'milliseconds of script, style and layout').to.be.at.most(busyMsMax);
  });

  it(`takes at most ${rendererPercentMax}% of a core for 100 endpoints, or ${floorsMax} times the floor`, async function () {
    this.timeout(120_000);
    await page.waitForTimeout(warmUpMs);
    const percent = await busiestRendererPercent(measuredSeconds);
    await page.goto('about:blank');
    await page.setContent(floorPage);
    await page.waitForTimeout(warmUpMs);
    const floor = await busiestRendererPercent(measuredSeconds);
    const percentMax = Math.max(rendererPercentMax, floorsMax * floor);
    expect(percent, `percent of a core; the floor is ${floor}`).to.be.at.most(percentMax);
  });

  it('updates the rows in sight only, and a row that comes into sight at once', async () => {
    await watch();
    const { addresses } = await seen();
    const near = new Set((await page.evaluate(addressesWithin(320))) as string[]);
    expect(addresses, 'rows that changed').to.not.be.empty;
    expect(addresses.filter((address) => !near.has(address))).to.deep.equal([]);

    const cluster = page.locator('section[aria-label="Cluster checkout"]');
    const last = cluster.locator('tbody tr').last();
    const address = (await last.locator('.address').textContent()) as string;
    expect(near.has(address)).to.equal(false);
    clearInterval(steps);
    const endpoint = rig.proxy.clusters()[0].endpoints.find((one) => one.address === address);
    await last.scrollIntoViewIfNeeded();
    await last.locator('.c-rate', { hasText: endpoint!.perSecond.toFixed(1) }).waitFor();
  });

  it('shows another state of an endpoint out of sight within seconds', async () => {
    const last = page.locator('section[aria-label="Cluster checkout"] tbody tr').last();
    const address = (await last.locator('.address').textContent()) as string;
    rig.proxy.endpointDrain(address, true);
    const row = page.locator('section[aria-label="Cluster checkout"] tbody tr', { hasText: address });
    await row.locator('.pill', { hasText: 'draining' }).waitFor({ timeout: 10_000 });
  });

  it('changes nothing in a collapsed cluster', async () => {
    const folds = page.locator('#clusters .fold[aria-expanded="true"]');
    while ((await folds.count()) > 0) await folds.first().click();
    await watch();
    expect((await seen()).addresses).to.deep.equal([]);
  });
});
