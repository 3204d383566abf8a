import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Field } from '../../../../src/core/field.ts';
import { HeaderBlock } from '../../../../src/core/header-block.ts';
import { HpackDecoder } from '../../../../src/http2/hpack/decoder.ts';
import { HpackEncoder } from '../../../../src/http2/hpack/encoder.ts';
import { blockPairs, decoded, encoded, hex, type Pair, pairs, roomy } from './support.ts';

/**
 * The public HPACK test cases: header lists of recorded traffic as several implementations encoded them. They are kept
 * beside the repository, `OUTRIGGER_VECTORS` says where if not in ../shared/vectors.
 */
const vectors = process.env.OUTRIGGER_VECTORS ?? join(import.meta.dirname, '../../../../../shared/vectors');
const folder = join(vectors, 'hpack');

interface Story {
  readonly cases: ReadonlyArray<{
    /** SETTINGS_HEADER_TABLE_SIZE, acknowledged just before this case. */
    readonly header_table_size?: number;
    readonly wire: string;
    readonly headers: ReadonlyArray<Readonly<Record<string, string>>>;
  }>;
}

function storyFiles(): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.json'))
    .sort();
}
function readStory(path: string): Story {
  return JSON.parse(readFileSync(join(folder, path), 'utf8')) as Story;
}
function headersOf(step: Story['cases'][number]): Pair[] {
  return step.headers.flatMap((header) => Object.entries(header));
}

/** As the fields of a real connection: equal ones are one object from their second sight on. */
class FieldStock {
  private readonly fields = new Map<string, Field>();
  field([name, value]: Pair): Field {
    const key = `${name}\0${value}`;
    const known = this.fields.get(key);
    if (known !== undefined) known.repeated = true;
    const field = known ?? new Field(name, value);
    this.fields.set(key, field);
    return field;
  }
}

describe('HPACK stories', () => {
  before(function () {
    if (existsSync(folder)) return;
    if (process.env.CI === 'true') throw new Error(`the HPACK vectors are missing: no folder ${folder}`);
    console.log(`      skipped: no folder ${folder}; set OUTRIGGER_VECTORS to where the vectors are`);
    this.skip();
  });

  it('are decoded, case after case, whoever encoded them', () => {
    let cases = 0;
    for (const path of storyFiles()) {
      const decoder = new HpackDecoder(roomy);
      for (const [index, step] of readStory(path).cases.entries()) {
        if (step.header_table_size !== undefined) decoder.setTableBytesMax(step.header_table_size);
        const block = decoded(decoder, hex(step.wire));
        if (block === null || decoder.oversize) expect.fail(`${path} case ${index}: ${decoder.error}`);
        expect(blockPairs(block), `${path} case ${index}`).to.deep.equal(headersOf(step));
        cases++;
      }
    }
    expect(cases).to.be.above(10_000);
  }).timeout(60_000);

  it('come back the same when encoded and decoded here, with the table resized on the way', () => {
    for (const path of storyFiles()) {
      const stock = new FieldStock();
      const encoder = new HpackEncoder({ tableBytesMax: 16_384 });
      const decoder = new HpackDecoder({ ...roomy, tableBytesMax: 16_384 });
      for (const [index, step] of readStory(path).cases.entries()) {
        const tableBytes = index % 5 === 3 ? [0, 100, 4096, 1365, 16_384][((index / 5) % 5) | 0] : undefined;
        const settings = [step.header_table_size, tableBytes].filter((bytes) => bytes !== undefined);
        for (const bytes of settings) {
          encoder.setPeerTableBytesMax(bytes);
          decoder.setTableBytesMax(bytes);
        }
        const headers = headersOf(step);
        const block = new HeaderBlock(headers.map((pair) => stock.field(pair)));
        const back = decoded(decoder, encoded(encoder, block));
        if (back === null) expect.fail(`${path} case ${index}: ${decoder.error}`);
        expect(blockPairs(back), `${path} case ${index}`).to.deep.equal(headers);
        expect(pairs(decoder.entries())).to.deep.equal(pairs(encoder.entries()));
      }
    }
  }).timeout(60_000);
});
