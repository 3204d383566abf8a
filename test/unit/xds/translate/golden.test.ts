import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { corpus } from './corpus/all.ts';
import { settled } from './support.ts';

/** The lists for each set of the corpus, and what of it is ignored: golden/NAME.json, which were read before they were accepted. */
describe('xds/translate of realistic resources', () => {
  for (const [name, set] of Object.entries(corpus)) {
    it(`of ${name} gives what golden/${name}.json has, and the configuration accepts it`, () => {
      const { assembly, problems, warnings, others } = settled(set);
      expect(problems).to.deep.equal([]);
      expect(others).to.deep.equal([]);
      expect(assembly.waiting).to.deep.equal([]);
      const golden = new URL(`golden/${name}.json`, import.meta.url);
      expect({
        listeners: assembly.listeners,
        clusters: assembly.clusters,
        warnings: warnings.map(
          ({ kind, name: resource, path, message }) => `${kind} ${resource} ${path}: ${message}`,
        ),
      }).to.deep.equal(JSON.parse(readFileSync(golden, 'utf8')));
    });
  }
});
