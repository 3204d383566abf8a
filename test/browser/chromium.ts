import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BrowserContext,
  chromium,
  type HTTPCredentials,
  type Locator,
  type Page,
} from 'playwright-core';
import { until } from '../support/until.ts';

const executablePath = '/usr/bin/chromium';
/** Nothing but our own page may go over the network, and no earlier run may leave a trace. */
const args = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** How long a row may take to be rendered once it is scrolled to, milliseconds. */
const renderedWithinMs = 5_000;

/** Why there can be no browser test here; undefined if there can. In CI a missing browser is a failure instead. */
export function browserMissing(): string | undefined {
  if (existsSync(executablePath)) return undefined;
  const why = `${executablePath} is missing: apt-get install -y --no-install-recommends chromium fonts-dejavu-core`;
  if (process.env.CI === 'true') throw new Error(why);
  return why;
}

export interface Browser {
  readonly context: BrowserContext;
  close(): Promise<void>;
}

/** A browser with a profile of its own, which goes with it; the credentials answer its prompt for a user and a password. */
export async function launchBrowser(httpCredentials?: HTTPCredentials): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args,
    viewport: { width: 1280, height: 900 },
    ...(httpCredentials === undefined ? {} : { httpCredentials }),
  });
  return {
    context,
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** What a page writes to the console from now on, and what it throws; a page without fault says nothing. */
export function diagnosticsOf(page: Page): string[] {
  const diagnostics: string[] = [];
  page.on('console', (message) => diagnostics.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => diagnostics.push(String(error)));
  return diagnostics;
}

/**
 * What a reader sees of an element after scrolling to it. The page does not render rows that are out of sight, and the browser
 * decides some frames later that it does.
 */
export async function textInSight(locator: Locator): Promise<string> {
  await locator.evaluate((node) => node.scrollIntoView({ block: 'center' }));
  let text = '';
  await until(
    async () => {
      text = await locator.innerText();
      return text !== '';
    },
    () => 'the element has no text in sight',
    renderedWithinMs,
  );
  return text;
}
