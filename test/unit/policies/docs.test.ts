import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { problemsOf, warningsOf } from '../config/support.ts';

const folder = join(import.meta.dirname, '../../../docs/policies');

/** The YAML examples of a page, in order. */
function examplesOf(page: string): string[] {
  return [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => text);
}

/** A whole configuration: an example that is a list of routes gets a listener, and every cluster that it names. */
function wholeOf(example: string): string {
  if (!example.startsWith('- ')) return example;
  const names = new Set([...example.matchAll(/\bcluster: ([\w.-]+)/g)].map(([, name]) => name));
  // There must be one cluster, also where the routes need none.
  if (names.size === 0) names.add('unused');
  const routes = example.replaceAll(/^(?=.)/gm, '      ');
  const clusters = [...names].map(
    (name, i) => `  - { name: ${name}, endpoints: [{ address: "127.0.0.1:${5000 + i}" }] }\n`,
  );
  return `listeners:
  - name: in
    listen: 127.0.0.1:15001
    routes:
${routes}
clusters:
${clusters.join('')}`;
}

/** A value for each environment variable of an example. */
function environmentOf(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/\$\{([A-Z_]+)\}/g)].map(([, name]) => [name, 'a']));
}

describe('examples of routes in docs', () => {
  const ofPolicies = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.md')) : [];
  const pages = [...ofPolicies, '../matching.md'];

  for (const name of pages) {
    const examples = examplesOf(readFileSync(join(folder, name), 'utf8'));

    it(`${name} has an example`, () => {
      expect(examples).not.to.have.length(0);
    });

    examples.forEach((example, i) => {
      it(`${name}: example ${i + 1} is a configuration without problems or warnings`, () => {
        const text = wholeOf(example);
        const env = environmentOf(text);
        const problems = [...problemsOf(text, { env }), ...warningsOf(text, { env })];
        expect(
          problems.filter((problem) => !problem.includes('"unused" is used by no listener')),
          text,
        ).to.deep.equal([]);
      });
    });
  }
});
