import { expect } from 'chai';
import { startAdminRig } from '../support/admin-rig.ts';
import { browserMissing, launchBrowser } from './chromium.ts';

const token = 'f00dfeedf00dfeedf00dfeedf00dfeed';

describe('the live page from another machine', function () {
  this.timeout(30_000);

  before(function () {
    const why = browserMissing();
    if (why === undefined) return;
    console.log(`    skipped: ${why}`);
    this.skip();
  });

  it('works with the token as the password, its files and its events too', async () => {
    const rig = await startAdminRig(undefined, {
      security: () => ({ token, tls: null }),
      isLocalPeer: () => false,
    });
    const browser = await launchBrowser({ username: 'me', password: token });
    try {
      const page = await browser.context.newPage();
      await page.goto(`http://127.0.0.1:${rig.port}/`);
      await page.locator('#clusters tbody tr').first().waitFor();
      expect(await page.locator('#state').textContent()).to.equal('Ready');
      rig.proxy.degradedReasons = ['cluster orders: 0 of 7 endpoints are usable'];
      await page.locator('#state', { hasText: 'Degraded' }).waitFor();
    } finally {
      await browser.close();
      await rig.close();
    }
  });
});
