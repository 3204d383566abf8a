import { expect } from 'chai';
import { schema } from '../../../src/cli/schema.ts';
import { jsonSchema } from '../../../src/config/json-schema.ts';
import { referencePage } from '../../../src/config/reference.ts';
import { CapturedIo } from './support.ts';

describe('cli/schema', () => {
  it('prints the JSON Schema', async () => {
    const io = new CapturedIo();
    expect(await schema({ output: 'json' }, io)).to.equal(0);
    expect(JSON.parse(io.out)).to.deep.equal(JSON.parse(JSON.stringify(jsonSchema())));
  });

  it('prints the reference page', async () => {
    const io = new CapturedIo();
    expect(await schema({ output: 'markdown' }, io)).to.equal(0);
    expect(io.out).to.equal(referencePage());
  });
});
