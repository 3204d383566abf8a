import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { startAdmin } from '../../src/admin/server.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { type AdminRig, startAdminRig } from '../support/admin-rig.ts';
import { FakeProxy } from '../support/fake-admin.ts';
import { eventfulClusters, eventfulRoutes } from '../support/fake-clusters.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { type Browser, browserMissing, diagnosticsOf, launchBrowser, textInSight } from './chromium.ts';

describe('dashboard', function () {
  judgesRealTime(this, 'the page of a real browser has to change within seconds');
  let browser: Browser;
  let rig: AdminRig;
  let page: Page;
  let diagnostics: string[];

  before(async function () {
    const why = browserMissing();
    if (why !== undefined) {
      console.log(`    skipped: ${why}`);
      this.skip();
    }
    browser = await launchBrowser();
  });
  after(() => browser?.close());
  beforeEach(async () => {
    rig = await startAdminRig();
    page = await browser.context.newPage();
    diagnostics = diagnosticsOf(page);
    page.on('request', (request) => {
      if (new URL(request.url()).port !== String(rig.port)) diagnostics.push(`asked for ${request.url()}`);
    });
  });
  afterEach(async () => {
    await page?.close();
    await rig?.close();
  });
  const open = async () => {
    await page.goto(`http://127.0.0.1:${rig.port}/`);
    await page.locator('#clusters tbody tr').first().waitFor();
  };
  const row = (address: string) => page.locator('#clusters tbody tr', { hasText: address });

  it('says that it is degraded, and why, and when it no longer is', async () => {
    rig.proxy.degradedReasons = ['cluster orders: 0 of 7 endpoints are usable'];
    await open();
    expect(await page.locator('#state').textContent()).to.equal('Degraded');
    expect(await page.locator('#why').textContent()).to.equal('cluster orders: 0 of 7 endpoints are usable');
    rig.proxy.degradedReasons = [];
    await page.locator('#state', { hasText: 'Ready' }).waitFor();
    expect(await page.locator('#why').isHidden()).to.equal(true);
  });

  it('shows the service, its state and every endpoint with its health in words', async () => {
    await open();
    expect(await page.title()).to.equal('shop-sidecar · Outrigger');
    expect(await page.locator('h1').textContent()).to.equal('shop-sidecar');
    expect(await page.locator('#about').textContent()).to.match(
      /^Outrigger 0\.1\.0 · up.\d+.h.\d+.m · outbound 127\.0\.0\.1:15001, dns 127\.0\.0\.1:5353$/,
    );
    expect(await page.locator('#state').textContent()).to.equal('Ready');
    expect(await page.locator('section.cluster .cluster-name').allTextContents()).to.deep.equal([
      'greeter',
      'orders',
      'images',
    ]);
    expect(await page.locator('.usable').allTextContents()).to.deep.equal([
      'all 3 usable',
      '3 of 7 usable',
      '1 of 2 usable',
    ]);
    expect(await page.locator('#clusters tbody tr').count()).to.equal(12);
    const told = async (address: string) => await textInSight(row(address).locator('.c-health'));
    expect(await told('127.0.0.1:50051')).to.match(/^healthy\n+SERVING for 12 m 34 s$/);
    expect(await told('10.42.2.30')).to.match(
      /^unhealthy\n+connect: ECONNREFUSED \(3 of 3 probes\) for 48 s$/,
    );
    expect(await told('10.42.1.9')).to.match(/^ejected\n+ejected after 5 failures .*; back in 23 s$/);
    expect(await told('10.42.2.31')).to.match(/^draining\n/);
    expect(await told('fd00:42')).to.match(/^unknown\n+no probe has answered yet$/);
    expect(await textInSight(row('10.42.0.99').locator('.c-weight'))).to.match(/^1\s+now 0\.34$/);
    expect(diagnostics).to.deep.equal([]);
  });

  it('shows the routes, where they lead, and what their policies have done', async () => {
    await open();
    const rows = page.locator('#routes tbody tr');
    const cells = async () =>
      Promise.all((await rows.all()).map((one) => one.locator('th, td').allInnerTexts()));
    const words = (await cells()).map((row) => row.map((cell) => cell.replace(/\s+/g, ' ').trim()));
    expect(words).to.deep.equal([
      [
        'greeter match { grpc: { service: hello.Greeter } }',
        'outbound',
        'greeter',
        'timeout 2s retry { attempts: 3, on: [unavailable] }',
        '',
      ],
      [
        'orders match { pathPrefix: /shop.v1.Orders }',
        'outbound',
        'by split',
        'split { clusters: [{ name: orders, weight: 95 }, { name: greeter, weight: 5 }] }',
        'split orders 95.2% of requests (1,204), 95% by weight greeter 4.8% of requests (61), 5% by weight',
      ],
      ['maintenance', 'outbound', 'by respond', 'respond { status: 503 }', ''],
      ['all connections', 'images', 'images', '', ''],
    ]);
    expect(await page.locator('section.cluster .meta').nth(1).textContent()).to.equal(
      'http2 · least_request · dns orders.shop.svc.cluster.local:8443 · concurrency limit 57, 12 in use',
    );
    const [, split] = eventfulRoutes;
    const facts = Array.from({ length: 10 }, (_, i) => ({ policy: 'split', name: `c${i}`, text: `${i}%` }));
    rig.proxy.routeList = Array.from({ length: 51 }, (_, i) => ({ ...split, route: `r${i}`, facts }));
    await rows.filter({ hasText: 'r49' }).waitFor();
    expect(await rows.count()).to.equal(50);
    expect(await page.locator('#routes .more').textContent()).to.equal('1 more route in /routes');
    expect(await rows.first().locator('.fact').count()).to.equal(8);
    expect(await rows.first().locator('.c-facts .note').textContent()).to.equal('2 more in /routes');
    rig.proxy.routeList = [];
    await page.locator('#routes .empty', { hasText: 'No route is configured.' }).waitFor();
    expect(await page.locator('#routes table').isHidden()).to.equal(true);
    expect(diagnostics).to.deep.equal([]);
  });

  it('draws each share of calls against the share by weight', async () => {
    await open();
    const widths = (address: string) =>
      row(address).evaluate((node) => {
        const [bar, fill, tick] = ['.bar', '.fill', '.tick'].map((name) =>
          node.querySelector(name)!.getBoundingClientRect(),
        );
        return { fill: fill.width / bar.width, tick: (tick.x - bar.x) / bar.width };
      });
    const [light, heavy] = [await widths('127.0.0.1:50051'), await widths('127.0.0.1:50053')];
    expect(heavy.tick / light.tick).to.be.closeTo(2, 0.1);
    expect(heavy.fill / light.fill).to.be.closeTo(2, 0.5);
    expect(heavy.fill).to.be.within(0.7, 1);
    expect(await textInSight(row('127.0.0.1:50053').locator('.share-text'))).to.match(
      /^\d\d\.\d% · 50\.0% by weight$/,
    );
  });

  it('follows what changes, in place and without a reload', async () => {
    await open();
    const first = await row('127.0.0.1:50051').elementHandle();
    rig.proxy.endpointDrain('127.0.0.1:50051', true);
    rig.proxy.healthcheckFail(true);
    for (let i = 0; i < 5; i++) rig.proxy.step();
    await row('127.0.0.1:50051').locator('.pill', { hasText: 'draining' }).waitFor();
    await page.locator('#state', { hasText: 'Starting' }).waitFor();
    expect(await page.locator('#why').textContent()).to.equal('failed by hand (POST /healthcheck/fail)');
    expect(await page.locator('.usable').first().textContent()).to.equal('2 of 3 usable');
    expect(await first?.evaluate((node) => node.isConnected), 'the row is the same element').to.equal(true);
    const shown = Number((await page.locator('[data-tile="rate"] .figure').innerText()).replace(',', ''));
    expect(shown).to.be.closeTo(rig.proxy.stats().totals.callsPerSecond, 1);
    expect(await page.locator('[data-chart="rate"] svg').getAttribute('aria-label')).to.match(
      /^Requests\/s, last 5 minutes, peak /,
    );
    expect(diagnostics).to.deep.equal([]);
  });

  it('explains a failed call, by mouse or keyboard', async () => {
    const [, orders] = eventfulClusters;
    rig.proxy.failed.push(rig.proxy.call(orders, orders.endpoints[0], true));
    await open();
    const item = page.locator('#calls tbody tr').first();
    expect(await item.innerText()).to.match(
      /shop\.v1\.Orders\/Place[\s\S]*closed the connection before it replied[\s\S]*UNAVAILABLE/,
    );
    await item.locator('a').focus();
    await page.keyboard.press('Enter');
    await page.locator('#explain .attempt-part').waitFor();
    expect(await page.locator('#explain-title').textContent()).to.match(/^Request \d+$/);
    expect(await page.locator('.explain-outcome').textContent()).to.include(
      'closed the connection before it replied',
    );
    expect(new URL(page.url()).hash).to.match(/^#explain\/\d+$/);
    await page.keyboard.press('Escape');
    await page.locator('#explain').waitFor({ state: 'hidden' });
    expect(new URL(page.url()).hash).to.equal('');
    expect(diagnostics).to.deep.equal([]);
  });

  it('says when the sidecar is gone, and comes back by itself', async () => {
    await open();
    await rig.admin.close();
    await page.locator('#banner', { hasText: 'The sidecar does not answer' }).waitFor();
    expect(await page.locator('#state').textContent()).to.equal('Gone');
    const again = new FakeProxy(eventfulClusters, systemClock);
    again.name = 'reborn';
    const address = { kind: 'tcp', host: '127.0.0.1', port: rig.port } as const;
    const admin = await startAdmin({ address, deps: again, logger: silentLogger });
    try {
      await page.locator('h1', { hasText: 'reborn' }).waitFor();
      expect(await page.locator('#banner').isHidden()).to.equal(true);
      expect(await page.locator('#state').textContent()).to.equal('Ready');
    } finally {
      await page.close();
      await admin.close();
    }
  });

  it('fits narrow and wide screens, dark and light', async () => {
    const long = 'n'.repeat(64);
    const facts = [{ policy: 'p'.repeat(32), name: long, text: 't'.repeat(120) }];
    const policies = [{ policy: 'p'.repeat(32), text: 't'.repeat(200) }];
    const route = {
      listener: long,
      route: long,
      cluster: long,
      replacedBy: '',
      match: long,
      policies,
      facts,
    };
    rig.proxy.routeList = [...eventfulRoutes, route];
    await open();
    for (const width of [360, 768, 1061, 1280, 1600])
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ colorScheme });
        const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        expect(overflow, `${width} ${colorScheme}`).to.be.at.most(0);
        // Tiles and tables hide what is wider than they are: a figure without its unit.
        const cut = await page.evaluate(
          `[...document.querySelectorAll('.tile, .figures, tbody td:not(.c-call)')].filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent)`,
        );
        expect(cut, `${width} ${colorScheme}`).to.deep.equal([]);
      }
    expect(diagnostics).to.deep.equal([]);
  });
});

describe('dashboard and hostile names', function () {
  judgesRealTime(this, 'the page of a real browser has to show within seconds');
  const attack = '<img src=x onerror="document.title=`owned`"><script>document.title="owned"</script>';
  let browser: Browser;
  before(async function () {
    if (browserMissing() !== undefined) this.skip();
    browser = await launchBrowser();
  });
  after(() => browser?.close());

  it('shows markup in any name as text, and runs none of it', async () => {
    const rig = await startAdminRig([
      {
        name: attack,
        discovery: attack,
        endpoints: [
          {
            address: attack,
            zone: attack,
            health: { status: 'unhealthy', reason: attack, sinceMs: 1 },
            unusableReason: attack,
          },
        ],
      },
    ]);
    rig.proxy.name = attack;
    const facts = [{ policy: attack, name: attack, text: attack }];
    const policies = [{ policy: attack, text: attack }];
    rig.proxy.routeList = [
      {
        listener: attack,
        route: attack,
        cluster: attack,
        replacedBy: attack,
        match: attack,
        policies,
        facts,
      },
    ];
    const [cluster] = rig.proxy.clusters();
    const call = rig.proxy.call({ name: attack, endpoints: [] }, { address: attack }, true);
    call.path = `/${attack}`;
    call.detail = attack;
    rig.proxy.failed.push(call);
    const page = await browser.context.newPage();
    const diagnostics: string[] = [];
    page.on('console', (message) => diagnostics.push(message.text()));
    page.on('pageerror', (error) => diagnostics.push(String(error)));
    try {
      await page.goto(`http://127.0.0.1:${rig.port}/`);
      await page.locator('#calls tbody a').click();
      await page.locator('#explain .attempt-part').waitFor();
      expect(await page.title()).to.equal(`${attack} · Outrigger`);
      expect(await page.locator('.cluster-name').textContent()).to.equal(cluster.name);
      expect(await page.locator('#calls .call-name').textContent()).to.equal(attack);
      expect(
        await page
          .locator(
            '#routes tbody :is(.route-name, .match, .c-listener, .c-cluster, .policy-key, .policy-text)',
          )
          .allTextContents(),
      ).to.deep.equal([attack, `match ${attack}`, attack, attack, attack, attack]);
      expect(await page.locator('.fact span').allTextContents()).to.deep.equal([attack, attack, attack]);
      expect(await page.locator('img').count(), 'the logo alone').to.equal(1);
      expect(await page.locator('script').count(), 'main.js alone').to.equal(1);
      expect(diagnostics).to.deep.equal([]);
      await page.goto(`http://127.0.0.1:${rig.port}/explain/${call.id}`);
      expect(await page.title()).to.equal(`/explain/${call.id} · Outrigger`);
      expect(await page.locator('pre').textContent()).to.include(attack);
      expect(await page.locator('script, img').count()).to.equal(0);
    } finally {
      await page.close();
      await rig.close();
    }
  });
});
