import { expect } from 'chai';
import type { Page } from 'playwright-core';
import type { TapReader } from '../../src/admin/deps.ts';
import type { CallEvent } from '../../src/tap/events.ts';
import { type AdminRig, startAdminRig } from '../support/admin-rig.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { until } from '../support/until.ts';
import { axeViolations, loadAxe } from './axe.ts';
import { type Browser, browserMissing, diagnosticsOf, launchBrowser } from './chromium.ts';

function callEvent(id: number, more: Partial<CallEvent> = {}): CallEvent {
  const headers = [['user-agent', 'grpc-node']] as const;
  return {
    event: 'call',
    id,
    time: '2026-12-01T03:04:05.678Z',
    traffic: 'grpc',
    listener: 'outbound',
    route: 'all',
    cluster: 'orders',
    httpMethod: 'POST',
    path: '/shop.Orders/Get',
    authority: 'orders',
    client: '127.0.0.1:40000',
    traceId: '',
    durationMs: 12.3,
    firstByteMs: 12,
    status: 'OK',
    grpcStatus: 0,
    httpStatus: 200,
    outcome: 'ok',
    endedBy: 'upstream',
    error: '',
    detail: '',
    message: '',
    endpoint: '10.0.0.7:50051',
    attempts: [],
    requestBytes: 25,
    responseBytes: 50,
    requestMessages: 1,
    responseMessages: 1,
    request: {
      headers,
      trailers: null,
      messages: [{ index: 0, bytes: 5, json: { id: 7 } }],
      messagesNotShown: 0,
    },
    response: { headers, trailers: [['grpc-status', '0']], messages: [], messagesNotShown: 2 },
    ...more,
  };
}

const started = {
  event: 'tap',
  rate: 100,
  sample: 1,
  limit: null,
  durationMs: 600_000,
  messages: false,
  live: false,
};

describe('tap view', function () {
  judgesRealTime(this, 'the page of a real browser has to change within seconds');
  let browser: Browser;
  let rig: AdminRig;
  let page: Page;
  /** Readers of taps that run. */
  let readers: Set<TapReader>;
  let queries: string[];
  let diagnostics: string[];

  before(async function () {
    if (browserMissing() !== undefined) this.skip();
    browser = await launchBrowser();
  });
  after(() => browser?.close());
  beforeEach(async () => {
    rig = await startAdminRig();
    readers = new Set();
    queries = [];
    rig.proxy.taps = (query) => ({
      open(reader) {
        queries.push(query.toString());
        readers.add(reader);
        reader.send(started);
        return {
          left: () => void readers.delete(reader),
          end: () => reader.end(),
        };
      },
    });
    page = await browser.context.newPage();
    diagnostics = diagnosticsOf(page);
    await page.goto(`http://127.0.0.1:${rig.port}/`);
    await page.locator('#clusters tbody tr').first().waitFor();
  });
  afterEach(async () => {
    await page?.close();
    await rig?.close();
  });
  const show = (view: string) => page.locator('#views a', { hasText: view }).click();
  const status = (text: string) => page.locator('.tap-status', { hasText: text }).waitFor();
  const start = async () => {
    await page.locator('.tap .go', { hasText: 'Start' }).click();
    await status('Running.');
  };
  const send = (...events: Array<{ event: string }>) => {
    for (const reader of readers) for (const event of events) reader.send(event);
  };
  const left = () =>
    until(
      () => readers.size === 0,
      () => 'the tap goes on',
    );

  it('taps nothing before the start, asks for what the fields say, and shows calls until the stop', async () => {
    await show('Tap');
    expect(await page.locator('#clusters').isVisible(), 'the overview').to.equal(false);
    expect(queries).to.deep.equal([]);
    await page.locator('.tap').getByLabel('Method', { exact: true }).fill('shop.Orders');
    await page.getByLabel('Min latency').fill('5ms');
    await page.getByLabel('Header', { exact: true }).fill('x-user=42');
    await start();
    expect(queries).to.deep.equal(['method=shop.Orders&min-latency=5ms&header=x-user%3D42']);
    send(
      callEvent(1),
      callEvent(2, { status: 'UNAVAILABLE', outcome: 'error', detail: '<b>no</b> endpoint' }),
    );
    const rows = page.locator('.tap-rows > li');
    await rows.nth(1).waitFor();
    expect((await rows.first().innerText()).split(/\n+/)).to.deep.equal([
      '03:04:05.678',
      'UNAVAILABLE',
      '12.3 ms',
      'shop.Orders/Get',
      '10.0.0.7:50051',
    ]);
    await rows.first().locator('summary').press('Enter');
    const more = rows.first().locator('.tap-more');
    expect(await more.innerText()).to.match(/#2 · from 127\.0\.0\.1:40000[\s\S]*<b>no<\/b> endpoint/);
    expect(await more.locator('a').getAttribute('href')).to.equal('/#explain/2');
    expect(await more.locator('pre').allInnerTexts()).to.deep.equal([
      'user-agent: grpc-node',
      '{\n  "id": 7\n}',
      'user-agent: grpc-node',
      '2 more messages',
      'grpc-status: 0',
    ]);
    await page.locator('.tap .go', { hasText: 'Stop' }).click();
    await status('Stopped.');
    await left();
    expect(diagnostics).to.deep.equal([]);
  });

  it('asks for message bodies only when the reader wants them', async () => {
    await show('Tap');
    await page.getByLabel('Show message bodies').check();
    await start();
    expect(queries).to.deep.equal(['messages=true']);
  });

  it('keeps 200 calls, and lets new ones wait while one is open', async () => {
    await show('Tap');
    await start();
    send(...Array.from({ length: 250 }, (_, i) => callEvent(i)));
    await page.locator('.tap-bar', { hasText: '250 requests, the last 200 kept' }).waitFor();
    const rows = page.locator('.tap-rows > li');
    expect(await rows.count()).to.equal(200);
    await rows.first().locator('summary').click();
    send(callEvent(251), { event: 'not_shown', calls: 3, reason: 'rate', text: '' } as { event: string });
    await page.locator('.tap-bar', { hasText: '1 new ones wait while you read · 3 not shown' }).waitFor();
    expect(await rows.first().locator('details').getAttribute('open')).to.equal('');
    await rows.first().locator('summary').click();
    await page.mouse.move(0, 0);
    await page.locator('.tap .go').focus();
    await page.locator('.tap-bar', { hasText: /kept · 3 not shown$/ }).waitFor();
    expect(await rows.count()).to.equal(200);
  });

  it('says why a tap is refused, at the field where there is one', async () => {
    await show('Tap');
    const refusals = [
      { status: 403, problem: 'tap is off: admin.tap.show is "none" in the configuration' },
      { status: 503, problem: '8 taps run already, which is the maximum; end one of them' },
      { status: 400, problem: 'status "nope" is no status; write ok' },
    ];
    for (const refusal of refusals) {
      rig.proxy.taps = () => refusal;
      await page.locator('.tap .go').click();
      await page.locator('.tap .problem', { hasText: refusal.problem }).waitFor();
      await status('Not started.');
    }
    const field = page.locator('.tap').getByLabel('Status', { exact: true });
    expect(await field.getAttribute('aria-invalid')).to.equal('true');
    expect(await page.locator('.tap input:focus').getAttribute('placeholder')).to.include('UNAVAILABLE');
  });

  it('stops with another view, with a hidden page, and says how a tap ended', async () => {
    await show('Tap');
    await start();
    await show('Overview');
    await left();
    await show('Tap');
    await status('Stopped, because another view was opened.');
    await start();
    await page.evaluate(
      'Object.defineProperty(document, "hidden", { value: true }); document.dispatchEvent(new Event("visibilitychange"))',
    );
    await status('Stopped, because the page was hidden.');
    await left();
    await page.reload();
    await start();
    send({ event: 'end', reason: 'duration', text: 'the tap ran for its whole duration' } as {
      event: string;
    });
    await status('Ended: the tap ran for its whole duration.');
    await start();
    for (const reader of readers) reader.end();
    await page.locator('.tap .problem', { hasText: 'The sidecar ended the tap.' }).waitFor();
    await start();
    await page.close();
    await left();
  });

  it('has nothing that axe finds, and nothing that overflows', async () => {
    await show('Tap');
    await loadAxe(page);
    await start();
    send(
      callEvent(1),
      callEvent(2, { path: `/shop.Orders/${'Long'.repeat(80)}`, outcome: 'error', status: 'UNKNOWN' }),
    );
    const rows = page.locator('.tap-rows > li');
    await rows.nth(1).waitFor();
    await rows.first().locator('summary').click();
    for (const [width, colorScheme] of [
      [360, 'dark'],
      [1440, 'light'],
    ] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      expect(await axeViolations(page), `${width} ${colorScheme}`).to.deep.equal([]);
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).to.equal(true);
    }
  });
});
