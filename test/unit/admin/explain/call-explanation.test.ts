import { expect } from 'chai';
import { adviceFor } from '../../../../src/admin/explain/advice.ts';
import { explanationOf } from '../../../../src/admin/explain/call-explanation.ts';
import { callText } from '../../../../src/admin/explain/call-text.ts';
import type { PickDetails } from '../../../../src/core/pick-details.ts';
import { replyErrors } from '../../../../src/core/reply-error.ts';
import type { AttemptRecord, CallRecord } from '../../../../src/telemetry/call-record.ts';
import { attemptRecord, callRecord } from '../../telemetry/records.ts';

const lost = { httpStatus: 0, grpcStatus: -1, error: 'upstream_closed', tally: 'error' } as const;
const unopened = { ...lost, error: 'connect_failed', mayHaveProcessed: false };
const processedOf = (...attempts: Array<Partial<AttemptRecord>>) =>
  explanationOf(callRecord({ attempts: attempts.map((over) => attemptRecord(over)) }), 0).processed.answer;

describe('admin/explain/call-explanation', () => {
  it('says whether an endpoint processed the call, over all attempts', () => {
    expect(processedOf({})).to.equal('yes');
    expect(processedOf(unopened)).to.equal('no');
    expect(processedOf(lost)).to.equal('maybe');
    expect(processedOf(unopened, lost)).to.equal('maybe');
    expect(processedOf(lost, {})).to.equal('yes');
    expect(processedOf()).to.equal('no');
  });

  it('says who ended the call', () => {
    const who = (over: Partial<CallRecord>) => explanationOf(callRecord(over), 0).endedBy.text;
    expect(who({})).to.equal('the endpoint 127.0.0.1:50051');
    expect(who({ endedBy: 'client' })).to.equal('the client: it cancelled');
    expect(who({ endedBy: 'client', error: 'header_too_large' })).to.equal(
      'the client: it caused the error (header_too_large)',
    );
    expect(who({ endedBy: 'outrigger', error: 'no_route' })).to.equal('Outrigger (no_route)');
    expect(who({ endedBy: 'outrigger' })).to.equal('Outrigger: a policy of the route answered');
  });

  describe('of a call in flight', () => {
    const live = (attempts: Array<Partial<AttemptRecord>>, over: Partial<CallRecord> = {}) => {
      const running = { endedMs: 0, httpStatus: 0, grpcStatus: -1, tally: '' } as const;
      return callRecord({
        endedMs: 0,
        headMs: 0,
        startedMs: 1000,
        startedWallMs: 50_000,
        attempts: attempts.map((one) => attemptRecord({ ...running, ...one })),
        ...over,
      });
    };
    const outcome = (call: CallRecord) => explanationOf(call, 62_000).outcome;

    it('says what it waits for, and for how long', () => {
      expect(outcome(live([]))).to.equal(
        'The call waits in a policy of route hello, or for a first endpoint.',
      );
      expect(outcome(live([{ mayHaveProcessed: false }]))).to.equal(
        'The call waits for a connection to 127.0.0.1:50051, for 12.00 s so far.',
      );
      expect(outcome(live([{ mayHaveProcessed: true }]))).to.equal(
        'The call waits for the reply of 127.0.0.1:50051, which got the request 12.00 s ago.',
      );
      expect(outcome(live([{ mayHaveProcessed: true }], { headMs: 1500 }))).to.match(
        / is sending its reply; /,
      );
      expect(outcome(live([{ endedMs: 1100 }]))).to.equal('The call waits for its next attempt.');
      const text = callText(live([{ mayHaveProcessed: true }]), 62_000);
      expect(text).to.match(/^Call 1: helloworld.Greeter\/SayHello is in flight, for 12.00 s so far\n/);
      expect(text).to.include(
        '  1. 127.0.0.1:50051: waiting for the reply for 12.00 s, started at 1.00 ms\n',
      );
      expect(text).to.include('  ended by    nobody yet\n');
    });

    it('may have been processed, once the endpoint has the request', () => {
      const answer = (over: Partial<AttemptRecord>) => explanationOf(live([over]), 62_000).processed.answer;
      expect(answer({ mayHaveProcessed: true })).to.equal('maybe');
      expect(answer({ mayHaveProcessed: false })).to.equal('no');
    });
  });

  describe('what to change', () => {
    it('is there for each error of Outrigger, and names what the call was about', () => {
      for (const error of Object.keys(replyErrors)) {
        const call = callRecord({
          error,
          endedBy: 'outrigger',
          grpcStatus: 14,
          attempts: [attemptRecord(lost)],
        });
        const advice = adviceFor(call);
        expect(advice, error).not.to.deep.equal([]);
        for (const line of advice)
          expect(line, error)
            .to.match(/^[A-Za-z].*\.$/)
            .and.not.include('undefined');
      }
    });

    it('suggests retries only where the route has none, with a caution where the call may run twice', () => {
      const failed = { grpcStatus: 14, attempts: [attemptRecord({ grpcStatus: 14, tally: 'error' })] };
      expect(adviceFor(callRecord(failed)).join()).to.include(
        'Add retry: { on: [unavailable] } to route hello.',
      );
      const retried = {
        ...failed,
        attempts: [...failed.attempts, attemptRecord({ kind: 'retry', grpcStatus: 14 })],
      };
      expect(adviceFor(callRecord(retried)).join()).not.to.include('retry:');
      const reset = { ...failed, error: 'upstream_reset', attempts: [attemptRecord(lost)] };
      expect(adviceFor(callRecord(reset)).join()).to.include('to route hello, if the method may run twice.');
    });

    it('is nothing where the call went well', () => {
      expect(adviceFor(callRecord())).to.deep.equal([]);
    });
  });

  it('shows the usable endpoints with the fewest requests first where there are many, and counts the others', () => {
    const candidates = Array.from({ length: 40 }, (_, i) => ({
      address: `10.0.0.${i}:1`,
      active: i === 7 ? null : 40 - i,
      weight: 1,
      zone: '',
      priority: 0,
      health: 'healthy',
      unusable: i === 39 ? 'drained by hand' : '',
    }));
    const details: PickDetails = {
      candidates,
      candidatesLeftOut: 2,
      hasActive: false,
      draws: ['10.0.0.3:1'],
    };
    const pick = { toString: () => 'of a test', details: () => details };
    const text = callText(callRecord({ attempts: [attemptRecord({ pick, endpoint: '10.0.0.3:1' })] }), 0);
    const table = text.split('endpoints at that moment, before this call was counted:\n')[1].split('\n');
    expect(table[1]).to.match(/^ {7}10\.0\.0\.3:1 +37 +1 {2}healthy {2}picked$/);
    expect(table[2]).to.match(/^ {7}10\.0\.0\.38:1 +2 /);
    expect(text).to.include('       … 30 more endpoints\n');
    expect(text).to.include('     drawn at random: 10.0.0.3:1\n');
    expect(text).to.include('ACTIVE is no longer known where it is "-"');
    expect(text).not.to.include('drained by hand');
  });
});
