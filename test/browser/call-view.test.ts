import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { type AccountServer, startAccountServer } from '../support/account-server.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { greeterConfig, ready, type Sidecar, startSidecar } from '../support/sidecar.ts';
import { axeViolations, loadAxe } from './axe.ts';
import { type Browser, browserMissing, launchBrowser } from './chromium.ts';

describe('call view', function () {
  judgesRealTime(this, 'the page of a real browser has to change within seconds');
  let browser: Browser;
  let servers: AccountServer[];
  let sidecar: Sidecar;
  let page: Page;

  before(async function () {
    if (browserMissing() !== undefined) this.skip();
    browser = await launchBrowser();
  });
  after(() => browser?.close());
  const start = async (admin: object = {}) => {
    servers = [await startAccountServer('both'), await startAccountServer('both')];
    sidecar = await startSidecar(greeterConfig(servers, {}, { admin: { listen: '127.0.0.1:0', ...admin } }));
    await ready(sidecar);
    page = await browser.context.newPage();
    await page.goto(`${sidecar.adminUrl}/#call`);
    await page.locator('.replica-call').waitFor();
  };
  afterEach(async () => {
    await page?.close();
    await sidecar?.stop();
    for (const server of servers) await server.kill();
  });
  const listMethods = async () => {
    await page.locator('.replica-call button', { hasText: 'List methods' }).click();
    await page.locator('.call-status', { hasText: '2 methods.' }).waitFor();
  };
  const field = (label: string) => page.locator('.replica-call').getByLabel(label, { exact: true });
  const message = () => field('Request message');
  const send = () => page.locator('.replica-call .go').click();
  const reply = async () => {
    await page.locator('.report').waitFor();
    return JSON.parse((await page.getByLabel('Reply messages').textContent()) ?? '');
  };

  it('calls the endpoint that is chosen, with a message that the reader fills in', async () => {
    await start();
    expect(sidecar.calls(), 'nothing is sent before the reader asks for it').to.deep.equal([]);
    const { address } = servers[1];
    await field('Endpoint').selectOption(address);
    await listMethods();
    const template = JSON.parse(await message().inputValue());
    expect(template).to.deep.equal({ user: '', password: '', email: '', labels: {}, blob: '' });
    await message().fill('{"user": "ann"}');
    await field('Metadata').fill('x-team: orders');
    await send();
    expect(await reply()).to.deep.include({ accessToken: 'token-of-ann' });
    expect(await page.locator('.report .pill').textContent()).to.equal('OK');
    expect(await page.locator('.report-top').innerText()).to.include(`from ${address}`);
    const call = sidecar.calls().find(({ path }) => path === '/outrigger.test.Account/Login')!;
    expect(await page.locator('.report a').getAttribute('href')).to.equal(`/#explain/${call.id}`);
    const explained = await fetch(`${sidecar.adminUrl}/explain/${call.id}`);
    expect(await explained.text())
      .to.include('pinned')
      .and.include(address);
  });

  it('keeps what was written for each method, and shows statuses, streams and mistakes', async () => {
    await start();
    await listMethods();
    const method = field('Method');
    await message().fill('{"email": "fail@b"}');
    await send();
    await page.locator('.report .pill', { hasText: 'NOT_FOUND' }).waitFor();
    expect(await page.locator('.report .problem').textContent()).to.equal('no such user');
    await method.selectOption({ label: 'Watch (stream of replies)' });
    await send();
    await page.locator('.call-status', { hasText: 'OK, 3 messages.' }).waitFor();
    await method.selectOption({ label: 'Login' });
    expect(await message().inputValue()).to.equal('{"email": "fail@b"}');
    await message().fill('{"usr": "ann"}');
    await send();
    await page.locator('.replica-call > .problem', { hasText: 'did you mean "user"?' }).waitFor();
    expect(await message().getAttribute('aria-invalid')).to.equal('true');
    await message().fill('{}');
    await field('Deadline, seconds').fill('99');
    await send();
    await page.locator('.replica-call > .problem', { hasText: 'from 1 to 15000' }).waitFor();
    expect(await message().getAttribute('aria-invalid')).to.equal(null);
  });

  it('says how to allow calls where they are forbidden', async () => {
    await start({ pinnedCalls: false });
    await page.locator('.replica-call button', { hasText: 'List methods' }).click();
    await page.locator('.replica-call > .problem', { hasText: 'set admin.pinnedCalls: true' }).waitFor();
    await send();
    await page.locator('.replica-call > .problem', { hasText: 'list the methods' }).waitFor();
  });

  it('has nothing that axe finds, and nothing that overflows', async () => {
    await start();
    await loadAxe(page);
    await listMethods();
    await send();
    await reply();
    for (const [width, colorScheme] of [
      [360, 'light'],
      [1440, 'dark'],
    ] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      expect(await axeViolations(page), `${width} ${colorScheme}`).to.deep.equal([]);
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).to.equal(true);
    }
  });
});
