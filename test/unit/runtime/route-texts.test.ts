import { expect } from 'chai';
import { policies } from '../../../src/policies/list.ts';
import { routeTexts } from '../../../src/runtime/route-texts.ts';
import { configOf } from '../config/support.ts';

const config = configOf(`
listeners:
  - name: in
    listen: 127.0.0.1:0
    routes:
      - name: hello
        match: { pathPrefix: "/a@b", method: [GET] }
        cluster: c
        timeout: 2s
        headers: { request: { set: { authorization: hush-hush-hush } } }
      - { name: rest, cluster: c }
  - { name: db, listen: 127.0.0.1:0, protocol: tcp, cluster: t }
clusters:
  - { name: c, endpoints: ['127.0.0.1:1'] }
  - { name: t, protocol: tcp, endpoints: ['127.0.0.1:2'] }
`);

describe('runtime/route-texts', () => {
  it('has the match and the policies of each route as a file would have them, secrets masked', () => {
    const texts = routeTexts(config, policies);
    const [hello, rest] = texts.get('in')!;
    expect(hello.match).to.include('pathPrefix: /a@b').and.include('GET');
    const of = (policy: string) => hello.policies.find((one) => one.policy === policy)?.text;
    expect(of('timeout')).to.equal('2s');
    expect(of('headers')).to.include('authorization').and.not.include('hush');
    expect(rest.match).to.equal('');
    expect(rest.policies).to.deep.equal([]);
    expect(texts.get('db')).to.deep.equal([]);
  });

  it('is made once for a configuration', () => {
    expect(routeTexts(config, policies)).to.equal(routeTexts(config, policies));
  });
});
