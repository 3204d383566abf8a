import { expect } from 'chai';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { ResetPacer } from '../../../src/http2/reset-pacer.ts';
import { MemoryPair } from '../../support/memory-pair.ts';

const head = HeaderBlock.of([':method', 'POST'], [':scheme', 'http'], [':path', '/'], [':authority', 'a']);

describe('http2/reset-pacer', () => {
  it('lets a hundred go at once and three a second after that', () => {
    const pacer = new ResetPacer();
    let now = 0;
    for (let id = 1; id <= 1000; id++) if (pacer.take(id, 8, 1000)) now++;
    expect(now).to.equal(100);
    expect(pacer.pending).to.equal(900);
    const later: number[] = [];
    pacer.serve(11_000, (id) => later.push(id));
    expect(later).to.have.length(30);
    expect(later[0]).to.equal(101);
  });

  it('never sends 200 within 30 s, however it is asked', () => {
    const pacer = new ResetPacer();
    const sentMs: number[] = [];
    for (let ms = 1; ms < 120_000; ms += 37) if (pacer.take(ms, 8, ms)) sentMs.push(ms);
    for (let i = 200; i < sentMs.length; i++) expect(sentMs[i] - sentMs[i - 199]).to.be.greaterThan(30_000);
  });

  it('is low while fewer than fifty are left, until time has brought more', () => {
    const pacer = new ResetPacer();
    for (let id = 1; id <= 50; id++) pacer.take(id, 8, 1000);
    expect(pacer.low).to.equal(false);
    pacer.take(51, 8, 1000);
    expect(pacer.low).to.equal(true);
    pacer.serve(1334, () => {});
    expect(pacer.low).to.equal(false);
  });

  it('lets a hundred go after an idle hour, and no more', () => {
    const pacer = new ResetPacer();
    for (let id = 1; id <= 100; id++) pacer.take(id, 8, 1000);
    let now = 0;
    for (let id = 101; id <= 400; id++) if (pacer.take(id, 8, 3_601_000)) now++;
    expect([now, pacer.pending]).to.deep.equal([100, 200]);
  });

  it('hands each over once', () => {
    const pacer = new ResetPacer();
    for (let id = 1; id <= 103; id++) pacer.take(id, 8, 1000);
    const later: number[] = [];
    for (const ms of [2000, 3000, 4000]) pacer.serve(ms, (id) => later.push(id));
    expect([later, pacer.pending]).to.deep.equal([[101, 102, 103], 0]);
  });

  it('forgets what the peer has ended by itself', () => {
    const pacer = new ResetPacer();
    for (let id = 1; id <= 101; id++) pacer.take(id, 8, 1);
    pacer.forget(101);
    expect(pacer.pending).to.equal(0);
  });

  it('a client connection that resets many takes no new streams, and ends with the last of the others', () => {
    const pair = new MemoryPair();
    pair.settle();
    const kept = pair.request(head, false);
    const others = Array.from({ length: 300 }, () => pair.request(head, false));
    pair.settle();
    for (const { stream } of others) stream.reset(8);
    expect(pair.client.connection.accepting).to.equal(false);
    expect(pair.client.events).to.include('goaway');
    pair.settle();
    // A hundred were reset; the server still holds the others.
    expect(pair.server.connection.active).to.equal(201);
    pair.client.connection.serveResets(10_000);
    pair.settle();
    expect(pair.server.connection.active).to.be.lessThan(201);
    kept.stream.data(Buffer.from('x'), 0, 1, true);
    pair.settle();
    expect(pair.client.error).to.equal(undefined);
    const request = pair.server.requests[0];
    request.stream.head(HeaderBlock.of([':status', '200']), true);
    pair.settle();
    expect(kept.recorder.events).to.deep.equal(['head 200 last']);
    expect(pair.client.error).to.equal(null);
  });
});
