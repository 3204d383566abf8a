import { storedInputs } from './corpus.ts';
import { targetNames, targets } from './registry.ts';

describe('fuzz corpus', () => {
  for (const name of targetNames) {
    it(`${name} keeps its promises on every seed and every input that once broke one`, async () => {
      const target = await targets[name].load();
      for (const seed of target.seeds()) target.run(seed);
      for (const { name: input, bytes } of storedInputs(name)) {
        try {
          target.run(bytes);
        } catch (error) {
          throw new Error(`corpus/${name}/${input}: ${error instanceof Error ? error.message : error}`);
        }
      }
    });
  }
});
