import { expect } from 'chai';
import { type GuardedRequest, refusalOf } from '../../../src/admin/request-guard.ts';

const plain: GuardedRequest = {
  method: 'GET',
  host: '127.0.0.1:15000',
  origin: undefined,
  fetchSite: undefined,
  unix: false,
  localAddress: '127.0.0.1',
};
const refused = (change: Partial<GuardedRequest>, allowedHosts: string[] = []) =>
  refusalOf({ ...plain, ...change }, allowedHosts);

describe('admin/request-guard', () => {
  it('lets our own addresses and localhost pass, whatever the port', () => {
    for (const host of [
      '127.0.0.1',
      '127.0.0.1:9',
      '127.8.8.8:15000',
      '[::1]:15000',
      'localhost',
      'LOCALHOST.:80',
    ])
      expect(refused({ host }), host).to.equal(undefined);
  });

  it('lets the address that was connected to pass, in any spelling', () => {
    expect(refused({ host: '10.1.2.3:15000', localAddress: '10.1.2.3' })).to.equal(undefined);
    expect(refused({ host: '10.1.2.3:15000', localAddress: '::ffff:10.1.2.3' })).to.equal(undefined);
    expect(refused({ host: '[fd00:0:0::7]:15000', localAddress: 'fd00::7' })).to.equal(undefined);
    expect(refused({ host: '[fe80::1]', localAddress: 'fe80::1%eth0' })).to.equal(undefined);
  });

  it('refuses foreign names, foreign addresses and what is no host', () => {
    for (const host of [
      'evil.example',
      'localhost.evil.example:15000',
      '127.0.0.1.evil.example',
      'evil.example:15000@127.0.0.1',
      '10.1.2.3',
      '2130706433',
      '0x7f.1',
      '0.0.0.0',
      '',
      '[::1',
      'a b',
      '127.0.0.1:15000:1',
    ])
      expect(refused({ host }), host).to.match(/^The Host ".*" is not a name of this admin server/);
  });

  it('takes a closed connection for no reason to be lenient', () => {
    expect(refused({ host: 'evil.example', localAddress: undefined })).to.be.a('string');
    expect(refused({ host: '10.1.2.3', localAddress: undefined })).to.be.a('string');
    expect(refused({ localAddress: undefined })).to.equal(undefined);
  });

  it('lets configured names pass', () => {
    expect(refused({ host: 'Sidecar.test:15000' }, ['sidecar.TEST'])).to.equal(undefined);
    expect(refused({ host: 'other.test:15000' }, ['sidecar.test'])).to.be.a('string');
  });

  it('has no Host to judge over a Unix socket or without one', () => {
    expect(refused({ host: 'anything', unix: true })).to.equal(undefined);
    expect(refused({ host: undefined })).to.equal(undefined);
  });

  it('requires an Origin to be this very server', () => {
    expect(refused({ origin: 'http://127.0.0.1:15000' })).to.equal(undefined);
    expect(refused({ host: 'localhost:1', origin: 'https://LOCALHOST:1' })).to.equal(undefined);
    for (const origin of [
      'null',
      '',
      'http://evil.example',
      'http://127.0.0.1',
      'http://127.0.0.1:3000',
      'http://localhost:15000',
      'file://127.0.0.1:15000',
    ])
      expect(refused({ origin }), origin).to.match(/may not use it\.$/);
    expect(refused({ host: undefined, origin: 'http://undefined' })).to.be.a('string');
  });

  it('lets other sites follow a link but not change anything', () => {
    for (const fetchSite of ['cross-site', 'same-site']) {
      expect(refused({ fetchSite }), fetchSite).to.equal(undefined);
      expect(refused({ fetchSite, method: 'POST' }), fetchSite).to.match(/Sec-Fetch-Site/);
    }
    for (const fetchSite of ['same-origin', 'none'])
      expect(refused({ fetchSite, method: 'POST' }), fetchSite).to.equal(undefined);
  });

  it('quotes nothing that could leave its line', () => {
    expect(refused({ host: `evil\r\n\u001b[31m${'x'.repeat(500)}` })).to.match(/^[\x20-\x7e]{1,400}$/);
  });

  it('refuses a stream to a page of another site, which may follow a link to anything else', () => {
    for (const fetchSite of ['cross-site', 'same-site']) {
      expect(refused({ fetchSite, isStream: true })).to.match(/ may open a stream\.$/);
      expect(refused({ fetchSite })).to.equal(undefined);
    }
    for (const fetchSite of ['same-origin', 'none', undefined])
      expect(refused({ fetchSite, isStream: true })).to.equal(undefined);
  });
});
