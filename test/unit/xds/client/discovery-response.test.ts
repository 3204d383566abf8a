import { expect } from 'chai';
import fc from 'fast-check';
import { RawMessage } from '../../../../src/reflection/raw-message.ts';
import { parseDeltaResponse, parseSotwResponse } from '../../../../src/xds/client/discovery-response.ts';
import { nameBytesMax, resourcesMax } from '../../../../src/xds/client/limits.ts';
import { typeUrls } from '../../../../src/xds/type-urls.ts';
import { deltaResponse, sotwResponse, wrappedSotwResponse } from '../../../support/xds-messages.ts';

describe('responses of the aggregated discovery service', () => {
  const typeUrl = typeUrls.cluster;

  it('are read in the state of the world', () => {
    const bytes = sotwResponse({ typeUrl, version: '7', nonce: 'n', resources: [{ name: 'a', body: 'x' }] });
    const { value } = parseSotwResponse(bytes);
    expect(value).to.deep.include({ typeUrl, version: '7', nonce: 'n', removed: [], controlPlane: 'test' });
    expect(value?.resources).to.have.length(1);
    expect(value?.resources[0]).to.deep.include({ name: '', version: '', typeUrl });
  });

  it('may wrap their resources in the state of the world', () => {
    const bytes = wrappedSotwResponse({
      typeUrl,
      version: '7',
      nonce: 'n',
      resources: [{ name: 'a', body: 'x' }],
    });
    expect(parseSotwResponse(bytes).value?.resources[0]).to.deep.include({ name: 'a', typeUrl });
  });

  it('are read with delta, with versions, removed names and heartbeats', () => {
    const bytes = deltaResponse({
      typeUrl,
      nonce: 'n',
      resources: [
        { name: 'a', version: '1', body: 'x' },
        { name: 'b', version: '2', body: null },
      ],
      removed: ['c'],
    });
    const { value } = parseDeltaResponse(bytes);
    expect(value?.removed).to.deep.equal(['c']);
    expect(value?.resources.map(({ name, version, bytes }) => [name, version, bytes === null])).to.deep.equal(
      [
        ['a', '1', false],
        ['b', '2', true],
      ],
    );
  });

  it('have a limit of resources, which the error names', () => {
    const resources = Array.from({ length: resourcesMax + 1 }, (_, i) => ({ name: String(i), body: '' }));
    const { error } = parseSotwResponse(sotwResponse({ typeUrl, nonce: '', version: '', resources }));
    expect(error).to.contain(`more than ${resourcesMax} resources (resourcesMax)`);
  });

  it('have a limit for each name, which the error names', () => {
    const { error } = parseSotwResponse(
      sotwResponse({ typeUrl, nonce: 'n'.repeat(nameBytesMax + 1), version: '', resources: [] }),
    );
    expect(error).to.contain(`the nonce has ${nameBytesMax + 1} bytes`);
  });

  it('are a value or an error for any bytes, and never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (array) => {
        const bytes = Buffer.from(array);
        for (const parse of [parseSotwResponse, parseDeltaResponse]) {
          const { value, error } = parse(bytes);
          expect(value === undefined).to.equal(error !== undefined);
        }
      }),
    );
  });

  it('are a value or an error wherever valid bytes are truncated or changed', () => {
    const valid = deltaResponse({
      typeUrl,
      nonce: 'n',
      resources: [{ name: 'a', version: '1', body: 'x' }],
      removed: ['c'],
    });
    fc.assert(
      fc.property(fc.nat(valid.length), fc.nat(valid.length - 1), fc.nat(255), (length, at, byte) => {
        const bytes = Buffer.from(valid.subarray(0, length));
        if (at < bytes.length) bytes[at] = byte;
        const { value, error } = parseDeltaResponse(bytes);
        expect(value === undefined).to.equal(error !== undefined);
      }),
    );
    expect(new RawMessage(valid).text(4)).to.equal(typeUrl);
  });
});
