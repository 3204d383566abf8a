import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { referencePage } from '../../../src/config/reference.ts';
import { settings } from '../../../src/config/settings.ts';
import { table } from '../../../src/config/table.ts';
import type { Shape } from '../../../src/schema/shape.ts';
import { configOf } from './support.ts';

describe('config/reference', () => {
  const page = referencePage();

  it('docs/configuration.md is what the table says: node src/main.ts schema -o markdown > docs/configuration.md', () => {
    const written = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
    expect(written).to.equal(page);
  });

  it('has every key and every variable', () => {
    const keys: string[] = [];
    const walk = (shape: Shape): void => {
      if (shape.kind === 'list') walk(shape.item);
      if (shape.kind !== 'section') return;
      for (const [key, child] of Object.entries(shape.keys)) {
        if (child.kind === 'scalar') keys.push(`| \`${key}\` |`);
        walk(child);
      }
    };
    walk(table);
    expect(keys).to.have.length.greaterThan(60);
    for (const key of keys) expect(page).to.include(key);
    for (const { variable } of settings) expect(page).to.include(`\`${variable}\``);
  });

  it('begins with a file that is fine', () => {
    const [, yaml] = /```yaml\n([^`]+)```/.exec(page) ?? [];
    expect(configOf(yaml).clusters[0].endpoints).to.have.length(2);
  });
});
