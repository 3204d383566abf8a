import { expect } from 'chai';
import { RawMessage } from '../../../../src/reflection/raw-message.ts';
import {
  encodeDeltaRequest,
  encodeNode,
  encodeSotwRequest,
} from '../../../../src/xds/client/discovery-request.ts';
import { typeUrls } from '../../../../src/xds/type-urls.ts';
import { readDeltaRequest, readSotwRequest } from '../../../support/xds-messages.ts';

describe('requests of the aggregated discovery service', () => {
  const node = encodeNode(
    {
      id: 'sidecar~10.0.0.1~a.default',
      cluster: 'orders',
      locality: { region: 'eu', zone: 'eu-1', subZone: '' },
      metadata: { GENERATOR: 'grpc', n: 1.5, yes: true, none: null, list: ['a', {}], inner: { a: '' } },
    },
    '0.1.0',
  );

  it('have names, version and nonce in the state of the world', () => {
    const request = {
      typeUrl: typeUrls.route,
      names: ['a', 'b'],
      version: '7',
      nonce: 'n',
      reason: '',
      node: null,
    };
    expect(readSotwRequest(encodeSotwRequest(request))).to.deep.include(request);
  });

  it('have the reason of a NACK as INVALID_ARGUMENT', () => {
    const bytes = encodeSotwRequest({
      typeUrl: 't',
      names: [],
      version: '',
      nonce: 'n',
      reason: 'why',
      node,
    });
    const request = readSotwRequest(bytes);
    expect(request.reason).to.equal('why');
    expect(new RawMessage(new RawMessage(bytes).parts(6)[0]).int32(1)).to.equal(3);
    expect(request.node?.text(1)).to.equal('sidecar~10.0.0.1~a.default');
  });

  it('have changes of the subscription and the versions that are held with delta', () => {
    const bytes = encodeDeltaRequest({
      typeUrl: typeUrls.endpoint,
      subscribe: ['a'],
      unsubscribe: ['b'],
      initialVersions: new Map([['c', '3']]),
      nonce: 'n',
      reason: 'why',
      node: null,
    });
    expect(readDeltaRequest(bytes)).to.deep.include({
      typeUrl: typeUrls.endpoint,
      names: ['a'],
      unsubscribe: ['b'],
      initialVersions: { c: '3' },
      nonce: 'n',
      reason: 'why',
    });
  });

  it('name the node, its locality, its metadata and the program', () => {
    const message = new RawMessage(node);
    expect([message.text(2), message.text(6), message.text(7)]).to.deep.equal([
      'orders',
      'outrigger',
      '0.1.0',
    ]);
    const locality = new RawMessage(message.parts(4)[0]);
    expect([locality.text(1), locality.text(2), locality.has(3)]).to.deep.equal(['eu', 'eu-1', false]);
    const fields = new RawMessage(message.parts(3)[0]).parts(1).map((entry) => new RawMessage(entry));
    expect(fields.map((field) => field.text(1))).to.deep.equal([
      'GENERATOR',
      'n',
      'yes',
      'none',
      'list',
      'inner',
    ]);
    const values = fields.map((field) => new RawMessage(field.parts(2)[0]));
    expect(values[0].text(3)).to.equal('grpc');
    expect(values[2].int32(4)).to.equal(1);
    expect(values[3].has(1)).to.equal(true);
    expect(new RawMessage(values[4].parts(6)[0]).parts(1)).to.have.length(2);
    expect(new RawMessage(values[5].parts(5)[0]).parts(1)).to.have.length(1);
  });
});
