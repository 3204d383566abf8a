import { expect } from 'chai';
import { adminRoutes } from '../../src/admin/routes.ts';
import { type AdminRig, startAdminRig } from '../support/admin-rig.ts';

describe('admin API', () => {
  let rig: AdminRig;
  before(async () => {
    rig = await startAdminRig();
  });
  after(() => rig.close());

  it('answers every GET with text, or JSON if asked, and HEAD without the body', async () => {
    const id = rig.proxy.traces().recent[0].id;
    for (const { path, method } of adminRoutes) {
      if (method !== 'GET' || path === '/live/events' || path === '/tap') continue;
      const param = path.startsWith('/calls') ? 'method' : String(id);
      const at = path === '/explain' ? '/explain?request=/' : path.replace('{}', param);
      const text = await rig.get(at);
      expect([text.status, text.body.length > 3], at).to.deep.equal([200, true]);
      const head = await rig.ask('HEAD', at);
      expect([head.status, head.body, head.headers['content-type']], at).to.deep.equal([
        200,
        '',
        text.headers['content-type'],
      ]);
      if (path === '/' || path === '/metrics') continue;
      for (const json of [
        await rig.get(`${at}${at.includes('?') ? '&' : '?'}format=json`),
        await rig.get(at, { accept: 'application/json' }),
      ]) {
        expect(json.headers['content-type'], at).to.equal('application/json; charset=utf-8');
        expect(JSON.parse(json.body), at).to.be.an(Array.isArray(JSON.parse(json.body)) ? 'array' : 'object');
      }
    }
  });

  it('is ready or says why not', async () => {
    expect(await rig.get('/ready')).to.include({ status: 200, body: 'ready\n' });
    rig.proxy.isReady = false;
    rig.proxy.reasons = ['waiting for the first probes of greeter', 'draining'];
    const answer = await rig.get('/ready');
    expect(answer).to.include({
      status: 503,
      body: 'not ready: waiting for the first probes of greeter; draining\n',
    });
    expect(JSON.parse((await rig.get('/ready?format=json')).body)).to.deep.equal({
      ready: false,
      reasons: ['waiting for the first probes of greeter', 'draining'],
      degraded: false,
      degradedReasons: [],
      state: 'starting',
      clusters: rig.proxy.clusterUsability(),
    });
    rig.proxy.isReady = true;
    rig.proxy.reasons = [];
    rig.proxy.degradedReasons = ['cluster orders: 0 of 7 endpoints are usable (x\n\u001b[31m)'];
    expect(await rig.get('/ready')).to.include({
      status: 200,
      body: 'ready, but degraded: cluster orders: 0 of 7 endpoints are usable (x??[31m)\n',
    });
    rig.proxy.degradedReasons = [];
    expect((await rig.get('/live')).body).to.equal('live\n');
  });

  it('shows each endpoint in a table and in JSON', async () => {
    const { body } = await rig.get('/clusters');
    expect(body).to.match(
      /^greeter: http2, least_request, static; 3 of 3 endpoints usable\nENDPOINT +STATE +WEIGHT/,
    );
    expect(body).to.match(
      /\n10\.42\.2\.30:8443 +unhealthy .*connect: ECONNREFUSED \(3 of 3 probes\) for 48 s; not used: unhealthy/,
    );
    expect(body).to.match(/\n10\.42\.1\.9:8443 +ejected .*; ejected for another 23 s;/);
    expect(body).to.match(/\n10\.42\.0\.99:8443 +healthy +0\.34 of 1 /);
    const clusters = JSON.parse((await rig.get('/clusters?format=json')).body);
    expect(clusters[0].endpoints[0]).to.include.keys(
      'address',
      'weight',
      'effectiveWeight',
      'zone',
      'priority',
      'health',
      'usable',
      'unusableReason',
      'draining',
      'ejectedForMs',
      'active',
      'total',
      'success',
      'error',
      'connections',
      'perSecond',
      'share',
      'shareByWeight',
      'p50Ms',
      'p99Ms',
    );
  });

  it('hands the metrics through, with what the scraper accepts', async () => {
    const answer = await rig.get('/metrics', { accept: 'application/openmetrics-text' });
    expect(answer.headers['content-type']).to.equal('text/plain; version=0.0.4; charset=utf-8');
    expect(answer.body).to.equal('# TYPE outrigger_up gauge\noutrigger_up 1\n');
    expect(rig.proxy.asked).to.include('metrics application/openmetrics-text');
  });

  it('masks secrets in the configuration', async () => {
    for (const format of ['text', 'json']) {
      const { body } = await rig.get(`/config_dump?format=${format}`);
      expect(body).to.include('/etc/key.pem').and.not.include('hunter2');
    }
  });

  it('lists calls and explains one', async () => {
    const [call] = rig.proxy.traces().recent;
    expect((await rig.get('/traces')).body)
      .to.match(/^Failed requests.*\n/)
      .and.include('\nRecent requests');
    expect((await rig.get(`/explain/${call.id}`)).body).to.match(new RegExp(`^Call ${call.id}: `));
    expect(JSON.parse((await rig.get(`/explain/${call.id}?format=json`)).body).call.id).to.equal(call.id);
    expect(await rig.get('/explain/999999')).to.include({ status: 404 });
    expect((await rig.get('/explain/abc')).body).to.match(/^"abc" is not the id of a call; write /);
    expect(await rig.get('/explain/abc')).to.include({ status: 400 });
    expect(await rig.get('/explain?request=GET%20/a')).to.include({ status: 200 });
  });

  it('does what POST says', async () => {
    const { proxy } = rig;
    proxy.asked.length = 0;
    const post = async (path: string) => (await rig.ask('POST', path)).status;
    expect(await post('/drain')).to.equal(200);
    expect(await post('/logging?level=debug')).to.equal(200);
    expect(await post('/endpoints/127.0.0.1:50051/drain')).to.equal(200);
    expect(await post('/endpoints/127.0.0.1%3A50051/enable')).to.equal(200);
    expect(await post('/endpoints/unix:/run/images/a.sock/drain')).to.equal(200);
    expect(await post('/healthcheck/fail')).to.equal(200);
    expect((await rig.get('/ready')).body).to.include('failed by hand');
    expect(await post('/healthcheck/ok')).to.equal(200);
    expect(await post('/quitquitquit')).to.equal(200);
    expect(proxy.asked).to.deep.equal([
      'drain',
      'level debug',
      'endpoint 127.0.0.1:50051 true',
      'endpoint 127.0.0.1:50051 false',
      'endpoint unix:/run/images/a.sock true',
      'healthcheck true',
      'healthcheck false',
      'quit',
    ]);
  });

  it('says what is wrong with a POST it cannot do', async () => {
    expect(await rig.ask('POST', '/logging?level=loud')).to.include({
      status: 400,
      body: 'Write /logging?level= with one of debug, info, warn, error.\n',
    });
    expect((await rig.ask('POST', '/logging')).status).to.equal(400);
    expect((await rig.ask('POST', '/endpoints/10.9.9.9:1/drain')).status).to.equal(404);
    expect((await rig.get('/stats?format=xml')).status).to.equal(400);
  });

  it('changes nothing on GET, and reads nothing on POST', async () => {
    rig.proxy.asked.length = 0;
    for (const { path, method } of adminRoutes) {
      if (path === '/tap') continue; // takes both
      const wrong = method === 'GET' ? ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'] : ['GET', 'HEAD', 'PUT'];
      for (const other of wrong) {
        const answer = await rig.ask(other, path.replace('{}', '127.0.0.1:50051'));
        const allow = method === 'GET' ? 'GET, HEAD' : 'POST';
        expect([answer.status, answer.headers.allow], `${other} ${path}`).to.deep.equal([405, allow]);
      }
    }
    expect(rig.proxy.asked).to.deep.equal([]);
  });

  it('lists what exists to whoever asks for something else', async () => {
    for (const path of [
      '/nope',
      '/dashboard/',
      '/dashboard/../server.ts',
      '/dashboard/%2e%2e/server.ts',
      '//ready',
    ]) {
      const answer = await rig.get(path);
      expect(answer.status, path).to.equal(404);
      expect(answer.body).to.include('GET  /clusters ');
    }
  });

  it('serves the page and its files, kept by the browser until they change', async () => {
    const page = await rig.get('/');
    expect(page.headers['content-type']).to.equal('text/html; charset=utf-8');
    const files = [...page.body.matchAll(/(?:src|href)="(\/dashboard\/[^"]+)"/g)].map((match) => match[1]);
    expect(files).to.include.members(['/dashboard/base.css', '/dashboard/main.js', '/dashboard/logo.svg']);
    for (const path of files) {
      const file = await rig.get(path);
      expect(file.status, path).to.equal(200);
      const again = await rig.get(path, { 'if-none-match': String(file.headers.etag) });
      expect([again.status, again.body], path).to.deep.equal([304, '']);
    }
    expect(page.body).to.not.match(/https?:\/\//);
  });

  it('answers a handler that throws with 500, and goes on', async () => {
    const { memory } = rig.proxy;
    rig.proxy.memory = () => {
      throw new Error('out of luck');
    };
    expect(await rig.get('/memory')).to.include({
      status: 500,
      body: 'The admin server failed to answer: Error: out of luck\n',
    });
    rig.proxy.memory = memory;
    expect((await rig.get('/memory')).status).to.equal(200);
  });
});
