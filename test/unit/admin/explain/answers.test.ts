import { expect } from 'chai';
import { explainCall, explainMadeUp } from '../../../../src/admin/explain/answers.ts';
import { callReference } from '../../../../src/core/call-reference.ts';
import { VirtualClock } from '../../../../src/core/clock.ts';
import { TraceId } from '../../../../src/core/trace-id.ts';
import { FakeProxy } from '../../../support/fake-admin.ts';

const cluster = { name: 'greeter', endpoints: [{ address: '10.0.0.1:50051', medianMs: 8 }] };
const clock = new VirtualClock();
clock.advance(60_000);

function ask(proxy: FakeProxy, param: string, query = 'format=json') {
  const question = { deps: proxy, nowWallMs: 60_000, query: new URLSearchParams(query), accept: '', param };
  const { status, body } = param === '' ? explainMadeUp(question) : explainCall(question);
  return { status, body: String(body), json: () => JSON.parse(String(body)) };
}

function proxyWithCall() {
  const proxy = new FakeProxy([cluster], clock);
  const call = proxy.call(cluster, cluster.endpoints[0], true);
  proxy.failed.unshift(call);
  return { proxy, call };
}

describe('admin/explain/answers', () => {
  it('finds a call by its number, by the id in an error reply, and by its trace, and keeps it', () => {
    const { proxy, call } = proxyWithCall();
    for (const key of [String(call.id), callReference(call.id), String(call.traceId)]) {
      const answer = ask(proxy, key);
      expect([answer.status, answer.json().id], key).to.deep.equal([200, call.id]);
    }
    expect(proxy.shownIds).to.deep.equal([call.id, call.id, call.id]);
    expect(ask(proxy, String(call.id), 'format=text').body).to.match(/^Call \d+: /);
  });

  it('names the other calls of a trace', () => {
    const { proxy, call } = proxyWithCall();
    const traceId = TraceId.read('00000000000000000000000000000abc');
    const other = { ...call, id: call.id + 1, traceId };
    proxy.failed.unshift(other, { ...other, id: call.id + 2 });
    expect(ask(proxy, String(traceId)).json().otherCallsOfTrace).to.deep.equal([call.id + 2]);
    expect(ask(proxy, String(traceId), 'format=text').body).to.include(
      `Other calls of this trace: ${call.id + 2}\n`,
    );
  });

  it('distinguishes an id that is none, one that is not there yet, one of another process, and one that is no longer kept', () => {
    const { proxy, call } = proxyWithCall();
    const own = callReference(1);
    const foreign = `${own[0] === '0' ? '1' : '0'}${own.slice(1)}`;
    const cases: Array<[string, number, string]> = [
      ['abc', 400, 'malformed'],
      ['1'.repeat(16), 400, 'malformed'],
      ['x\u001b[31m', 400, 'malformed'],
      ['0', 404, 'unknown'],
      [String(call.id + 1), 404, 'unknown'],
      [foreign, 404, 'other_process'],
      ['f'.repeat(32), 404, 'unknown'],
    ];
    proxy.failed.length = 0;
    cases.push([String(call.id), 410, 'not_kept']);
    for (const [key, status, code] of cases) {
      const answer = ask(proxy, key);
      expect([answer.status, answer.json().error.code], key).to.deep.equal([status, code]);
      expect(answer.json().error.message).to.match(/^[\x20-\x7e]+\.$/);
    }
    expect(ask(proxy, String(call.id)).json().error.message).to.match(
      /^Call \d+ is no longer kept\. Outrigger keeps the latest 256 calls; /,
    );
  });

  it('explains a request that nobody sent, and says what is wrong with one', () => {
    const { proxy } = proxyWithCall();
    const answer = ask(proxy, '', 'format=json&request=GET%20/a&header=x-a:%201&authority=shop');
    expect(answer.json().request).to.include({ method: 'GET', path: '/a', authority: 'shop' });
    expect(ask(proxy, '', 'request=/a').body).to.match(/^Request GET \/a, authority localhost\n/);
    for (const [query, message] of [
      ['', /^Write \/explain\/ID/],
      ['request=a%20b%20c', /is not a request/],
      ['request=/a&header=x', /has no colon/],
      ['request=/a&format=xml', /^Write format=json/],
    ] as const) {
      const refused = ask(proxy, '', query);
      expect([refused.status, message.test(refused.body)], query).to.deep.equal([400, true]);
    }
  });
});
