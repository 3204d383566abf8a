import { expect } from 'chai';
import { callText } from '../../../src/admin/explain/call-text.ts';
import { summarizeCall } from '../../../src/admin/live-snapshot.ts';
import { tracesText } from '../../../src/admin/text-pages.ts';
import { TraceId } from '../../../src/core/trace-id.ts';
import { traceLink } from '../../../src/telemetry/trace-link.ts';
import { callRecord } from './records.ts';

const traceId = new TraceId(0x0af76519, 0x16cd43dd, 0x8448eb21, 0x1c80319c);
const sampled = callRecord({ traceId, sampled: true });
const jaeger = 'http://127.0.0.1:16686/trace/{traceId}';
const url = 'http://127.0.0.1:16686/trace/0af7651916cd43dd8448eb211c80319c';

describe('telemetry/trace-link', () => {
  it('puts the trace id into the URL, everywhere the URL names it', () => {
    expect(traceLink(jaeger, sampled)).to.equal(url);
    expect(traceLink('https://t.example/?q={traceId}#{traceId}', sampled)).to.equal(
      `https://t.example/?q=${traceId}#${traceId}`,
    );
  });

  it('is nothing without a URL, and for calls whose spans were not exported', () => {
    expect(traceLink(undefined, sampled)).to.equal('');
    expect(traceLink('', sampled)).to.equal('');
    expect(traceLink(jaeger, callRecord({ traceId, sampled: false }))).to.equal('');
    expect(traceLink(jaeger, callRecord({ sampled: true }))).to.equal('');
  });

  it('is in /explain, in the rows of the page, and in a column of /traces that is there only where a call has one', () => {
    const link = (call: typeof sampled) => traceLink(jaeger, call);
    expect(callText(sampled, 0, link(sampled))).to.include(`trace link  ${url}\n`);
    expect(callText(sampled, 0)).not.to.include('trace link');
    expect(summarizeCall(sampled, 0, link).traceUrl).to.equal(url);
    const lists = { recent: [sampled, callRecord({ id: 2 })], slow: [], failed: [], clientErrors: [] };
    const lines = tracesText(lists, 0, link).split('\n');
    expect(lines.find((line) => line.startsWith('ID'))).to.match(/WHY +TRACE$/);
    expect(lines.find((line) => line.startsWith(' 1') || line.startsWith('1 '))).to.contain(url);
    expect(tracesText(lists, 0, () => '')).not.to.contain('TRACE');
  });
});
