import { expect } from 'chai';
import { requestedFormat } from '../../../src/admin/reply.ts';
import { adminRoutes, matchPath, notFound } from '../../../src/admin/routes.ts';

describe('admin/routes', () => {
  it('finds what stands for {}, decoded', () => {
    const found = (path: string) => matchPath(path).map(({ route, param }) => [route.path, param]);
    expect(found('/explain/12')).to.deep.equal([['/explain/{}', '12']]);
    expect(found('/endpoints/unix:/run/a.sock/drain')).to.deep.equal([
      ['/endpoints/{}/drain', 'unix:/run/a.sock'],
    ]);
    expect(found('/endpoints/%5B::1%5D:80/enable')).to.deep.equal([['/endpoints/{}/enable', '[::1]:80']]);
    for (const path of [
      '/explain/',
      '/explain/%zz',
      '/endpoints/drain',
      '/endpoints//drain',
      '/READY',
      '/ready/',
      '',
    ])
      expect(found(path), path).to.deep.equal([]);
  });

  it('lists all of itself to whoever asks for something else', () => {
    const reply = notFound('/nope');
    expect(reply.status).to.equal(404);
    for (const route of adminRoutes) expect(reply.body).to.include(route.path.split('{}')[0]);
  });

  it('changes things by POST alone', () => {
    const changing = adminRoutes.filter((route) => route.method === 'POST').map((route) => route.path);
    expect(changing).to.deep.equal([
      '/tap', // changes nothing: a descriptor set comes in the body
      '/drain',
      '/undrain',
      '/reload',
      '/logging',
      '/endpoints/{}/drain',
      '/endpoints/{}/enable',
      '/endpoints/{}/pin',
      '/call',
      '/call/methods',
      '/healthcheck/fail',
      '/healthcheck/ok',
      '/quitquitquit',
    ]);
  });
});

describe('admin/reply', () => {
  it('takes the format from the query, else from Accept, else text', () => {
    const wanted = (query: string, accept: string) => requestedFormat(new URLSearchParams(query), accept);
    expect(wanted('format=json', 'text/plain')).to.equal('json');
    expect(wanted('format=text', 'application/json')).to.equal('text');
    expect(wanted('format=xml', '')).to.equal(undefined);
    expect(wanted('', 'application/json')).to.equal('json');
    expect(wanted('', 'text/html,application/xhtml+xml,application/json;q=0.9')).to.equal('text');
    expect(wanted('', '*/*')).to.equal('text');
  });
});
